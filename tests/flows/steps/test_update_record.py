"""Update record: what changes, for whom, and what it tells."""

import pytest

from accounts.models import Account
from flows.models import FlowStatus
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from records.models import Event, ListenedKind
from scheduling import clock
from tests.make import make_contact, make_flow, make_participant, make_property, steps_of
from tests.walking import walk

pytestmark = pytest.mark.django_db


def test_only_who_changes_is_touched_and_tells(in_acme: Account) -> None:
    ListenedKind.objects.create(kind="record_updated")
    make_property("stage")
    flow = make_flow([{"update_record": {"city": "Oslo", "stage": None}}], status=FlowStatus.RUNNING)
    moved, there = make_contact(city="Bergen", stage="lead"), make_contact(city="Oslo")
    untouched = there.updated_at
    for person in (moved, there):
        make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    moved.refresh_from_db()
    there.refresh_from_db()
    assert moved.properties == {"email": moved.email, "city": "Oslo"}
    assert there.updated_at == untouched
    event = Event.objects.get(kind="record_updated")
    assert (event.record_id, event.flow_id) == (moved.pk, flow.pk)
    assert event.detail["changes"] == {"city": ["Bergen", "Oslo"], "stage": ["lead", None]}


def test_settings_are_known_properties_with_values_of_their_type(in_acme: Account) -> None:
    kind, flow = KINDS["update_record"], make_flow()
    make_property("score", "number")
    assert kind.clean({"values": {"score": "12,5"}}, flow=flow) == {"values": {"score": 12.5}}
    with pytest.raises(SettingsError) as refused:
        kind.clean({"values": {"score": "many", "shoe_size": 44}}, flow=flow)
    assert set(refused.value.errors) == {"values.score", "values.shoe_size"}


def test_a_property_that_is_archived_keeps_the_flow_from_running(in_acme: Account) -> None:
    kind = KINDS["update_record"]
    flow = make_flow([{"update_record": {"stage": "x"}}])
    step, stage = steps_of(flow)[0], make_property("stage")
    assert kind.lacks(step, Path.of(flow)) == []
    stage.archived_at = clock.now()
    stage.save(update_fields=["archived_at"])
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["property_is_gone"]
    step.settings = {"values": {}}
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["update_without_values"]

"""Add to list: who joins, and who was there already."""

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import FlowStatus
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from participants.models import Participant
from records.models import Event, ListenedKind
from tests.make import (
    make_contacts,
    make_flow,
    make_list,
    make_participant,
    steps_of,
)
from tests.walking import walk

pytestmark = pytest.mark.django_db


def test_who_is_in_the_list_already_passes_and_tells_nothing(in_acme: Account) -> None:
    ListenedKind.objects.create(kind="list_joined")
    old, new = make_contacts(2)
    chosen = make_list("Chosen", [old])
    flow = make_flow([{"add_to_list": chosen}], status=FlowStatus.RUNNING)
    for person in (old, new):
        make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    assert sorted(chosen.entries.values_list("record_id", flat=True)) == [old.pk, new.pk]
    assert list(Event.objects.values_list("kind", "record_id", "detail")) == [
        ("list_joined", new.pk, {"list": chosen.pk})
    ]
    assert Participant.objects.filter(status="finished").count() == 2


def test_settings_name_a_static_list_of_this_account(in_acme: Account, globex: Account) -> None:
    kind, flow, chosen = KINDS["add_to_list"], make_flow(), make_list()
    assert kind.clean({"list": chosen.pk}, flow=flow) == {"list": chosen.pk}
    with account_scope(globex.pk):
        theirs = make_list()
    for wrong in (theirs.pk, 0, True, "1"):
        with pytest.raises(SettingsError):
            kind.clean({"list": wrong}, flow=flow)


def test_a_list_that_is_gone_keeps_the_flow_from_running(in_acme: Account) -> None:
    kind, chosen = KINDS["add_to_list"], make_list("Chosen")
    flow = make_flow([{"add_to_list": chosen}])
    step = steps_of(flow)[0]
    assert kind.lacks(step, Path.of(flow)) == []
    assert kind.summary(step, Path.of(flow)) == "Chosen"
    chosen.delete()
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["list_is_gone"]
    step.settings = {"list": None}
    assert [lack.code for lack in kind.lacks(step, Path.of(flow))] == ["step_without_list"]

"""Update record: what changes, for whom, and what it tells."""

import pytest
from django.utils.translation import override

from accounts.models import Account, Member, User
from accounts.tenancy import every_account
from flows.models import FlowStatus
from flows.path import Path
from flows.steps import KINDS
from flows.steps.base import SettingsError
from records.models import Event, ListenedKind, ObjectType, Property, Record, UniqueValue
from records.upserts import upsert
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


def test_the_card_says_dates_and_numbers_as_its_readers_write_them(in_acme: Account) -> None:
    make_property("score", "number")
    make_property("renewal_date", "date")
    flow = make_flow([{"update_record": {"score": 1200.5, "renewal_date": "2027-03-01"}}])
    (step,) = steps_of(flow, "update_record")
    with override("nb"):
        said = KINDS["update_record"].summary(step, Path.of(flow))
    assert "= 1\u202f200,5" in said and "= 1. mars 2027" in said


def test_settings_are_known_properties_with_values_of_their_type(in_acme: Account) -> None:
    kind, flow = KINDS["update_record"], make_flow()
    make_property("score", "number")
    assert kind.clean({"values": {"score": "12,5"}}, flow=flow) == {"values": {"score": 12.5}}
    Property.objects.filter(key="last_name").update(is_required=True)
    Property.objects.filter(key="phone").update(is_unique=True)
    with pytest.raises(SettingsError) as refused:
        kind.clean({"values": {"last_name": " ", "phone": "+4722345678"}}, flow=flow)
    assert refused.value.errors == {
        "values.last_name": "Last name is required: it cannot be cleared.",
        "values.phone": "Phone is unique: not everyone can get the same value.",
    }
    assert kind.clean({"values": {"last_name": "Li", "phone": ""}}, flow=flow)
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


def test_an_owner_is_a_member_of_the_account_and_is_called_by_name(in_acme: Account, globex: Account) -> None:
    kind, flow = KINDS["update_record"], make_flow([{"update_record": {"owner": None}}])
    anne = User.objects.create_user("anne@acme.example", name="Anne")
    mine = Member.objects.create(user=anne)
    with every_account():
        theirs = Member.objects.create(user=anne, account=globex)
    assert kind.clean({"values": {"owner": "Anne@acme.example"}}, flow=flow) == {"values": {"owner": mine.pk}}
    with pytest.raises(SettingsError) as refused:
        kind.clean({"values": {"owner": theirs.pk}}, flow=flow)
    assert "is no member of the account" in refused.value.errors["values.owner"]
    step = steps_of(flow)[0]
    step.settings = {"values": {"owner": mine.pk}}
    assert kind.summary(step, Path.of(flow)) == "Owner = Anne"
    mine.delete()
    assert kind.summary(step, Path.of(flow)) == "Owner = a member who has left"


def test_what_became_required_or_unique_is_left_as_it_is_and_told_before_the_next_start(in_acme: Account) -> None:
    flow = make_flow(
        [{"update_record": {"last_name": None, "phone": "+4722345678", "city": "Oslo"}}], status=FlowStatus.RUNNING
    )
    person = make_contact(last_name="Li")
    Property.objects.filter(key="last_name").update(is_required=True)
    Property.objects.filter(key="phone").update(is_unique=True)
    make_participant(flow, person, step=steps_of(flow)[0])
    walk(flow)
    person.refresh_from_db()
    assert person.properties == {"email": person.email, "last_name": "Li", "city": "Oslo"}
    lacks = KINDS["update_record"].lacks(steps_of(flow)[0], Path.of(flow))
    assert {(lack.code, lack.field) for lack in lacks} == {
        ("value_not_allowed", "values.last_name"),
        ("value_not_allowed", "values.phone"),
    }


def test_a_unique_value_that_is_cleared_is_free_for_others(in_acme: Account) -> None:
    phone = make_property("phone")
    Property.objects.filter(pk=phone.pk).update(is_unique=True)
    contact = phone.object_type
    assert upsert_phone(contact, "a@firma.example") == upsert_phone(contact, "a@firma.example") == "ok"
    assert upsert_phone(contact, "b@firma.example") == "properties.phone"
    flow = make_flow([{"update_record": {"phone": None}}], status=FlowStatus.RUNNING)
    make_participant(flow, Record.objects.get(), step=steps_of(flow)[0])
    walk(flow)
    assert not UniqueValue.objects.exists()
    assert upsert_phone(contact, "b@firma.example") == "ok"


def upsert_phone(contact: ObjectType, email: str) -> str:
    row = {"properties": {"email": email, "phone": "+47 22 34 56 78"}}
    (result,) = upsert(contact, [row], match_on="email", source="api")
    return result.errors[0].path if result.errors else "ok"

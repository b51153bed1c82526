"""Erasing a person for good: nothing stored about them is left in any table, and what stays is still right."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from accounts.actors import Actor
from accounts.models import Account, IdempotencyKey
from accounts.tenancy import AccountModel, account_scope
from flows.models import Flow, FlowStatus
from messaging.models import Message, Subscription, Suppression
from participants.enrolment import enrol_matching
from participants.models import FlowAddress, Intake, Participant, StepLog
from records import associations, editing, erasing, events, list_sizes, lists
from records.models import (
    Erasure,
    Event,
    EventClientId,
    EventPending,
    Import,
    Record,
    RefusedRow,
)
from records.upserts import upsert
from scheduling.clock import forward, now
from tests.make import (
    make_contact,
    make_contacts,
    make_content,
    make_flow,
    make_list,
    make_property,
    make_record,
    make_subscription_type,
)
from tests.walking import check_counts, walk

pytestmark = pytest.mark.django_db
ADDRESS, NAME = "kathe@example.com", "Käthe"
OWNED = [model for model in apps.get_models(include_auto_created=True) if issubclass(model, AccountModel)]
# Columns that hold the id of a record, whatever they are called.
RECORD_COLUMNS = ("record_id", "other_id", "about_id")


@pytest.fixture
def flow(acme: Account) -> Flow:
    with account_scope(acme.pk):
        return make_flow(["send_email", "wait 2 days"], status=FlowStatus.RUNNING)


@pytest.fixture
def kathe(acme: Account, flow: Flow) -> int:
    """Somebody about whom every table has something."""
    with account_scope(acme.pk):
        make_property("code").__class__.objects.filter(key="code").update(is_unique=True)
        person = make_contact(first_name=NAME)
        row = {"id": person.pk, "properties": {"email": ADDRESS, "code": "K-1"}, "external_id": "K-1"}
        upsert(person.object_type, [row], match_on="id", source="api")
        lists.add(make_list("Winter"), [person.pk])
        associations.associate_many([(person.pk, make_record("company", name="Sjømat").pk)], is_primary=True)
        events.listen(["custom.bought"])
        events.record_events("custom.bought", [person.pk], {"by": ADDRESS})
        EventClientId.objects.create(client_id="1", event_id=Event.objects.get(kind="custom.bought").pk)
        enrol_matching(flow, where="r.id = %(id)s", params={"id": person.pk}, cause="by_hand")
        Subscription.objects.create(record=person, type=make_subscription_type(), subscribed=True, source="form")
        Message.objects.create(
            outbox=flow.outbox,
            origin_key="1",
            record=person,
            content=make_content(),
            address=ADDRESS,
            status="sent",
            sent_at=now(),
            flow_id=flow.pk,
        )
        Intake.objects.create(flow=flow, record=person, cause="api", cause_key="1")
        source = Import.objects.create(
            name="Fair", object_type=person.object_type, mapping={}, encoding="utf-8", delimiter=",", status="done"
        )
        RefusedRow.objects.create(source=source, row=1, reason="Too long", values={"E-mail": " Kathe@Example.com "})
        RefusedRow.objects.create(source=source, row=2, reason="Too long", values={"E-mail": "other@example.com"})
        answer = {"data": {"id": person.pk, "properties": {"email": ADDRESS}}, "headers": {}}
        IdempotencyKey.objects.create(key="1", fingerprint="1", status=201, body=answer)
    walk(flow)
    return person.pk


def left(account: Account, record_id: int) -> dict[str, list[str]]:
    """By table, the rows that still name the record or hold its name or address."""
    found = {}
    with account_scope(account.pk), connection.cursor() as cursor:
        for model in OWNED:
            table = model._meta.db_table
            own = [f"t.{field.column} = {record_id}" for field in model._meta.fields if field.column in RECORD_COLUMNS]
            where = " or ".join([*own, "t::text ilike %(name)s", "t::text ilike %(address)s"])
            cursor.execute(
                f"select t::text from {table} t where {where}", {"name": f"%{NAME}%", "address": f"%{ADDRESS}%"}
            )
            if rows := [row[0] for row in cursor.fetchall()]:
                found[table] = rows
    return found


def test_nothing_of_an_erased_person_is_left_but_the_address_that_gets_nothing_more(
    acme: Account, owner: Actor, flow: Flow, kathe: int
) -> None:
    before = left(acme, kathe)
    # The test would prove nothing about a table that never had anything.
    for table in (
        "records_record",
        "records_event",
        "records_association",
        "records_listentry",
        "records_uniquevalue",
        "records_refusedrow",
        "participants_participant",
        "participants_intake",
        "participants_flowaddress",
        "messaging_message",
        "messaging_subscription",
        "accounts_idempotencykey",
    ):
        assert table in before, table
    assert erasing.erase(acme.pk, [kathe], by=owner) == 1
    assert set(left(acme, kathe)) == {"messaging_suppression", "records_erasure"}
    forward(timedelta(minutes=2))
    erasing.work(acme.pk)
    assert set(left(acme, kathe)) == {"messaging_suppression"}
    with account_scope(acme.pk):
        assert not StepLog.objects.exists() and not EventClientId.objects.exists() and not FlowAddress.objects.exists()
        assert not EventPending.objects.filter(event__record_id=kathe).exists()
        assert RefusedRow.objects.count() == 1
        assert IdempotencyKey.objects.get(key="1").body == {"data": {"id": kathe}, "headers": {}}
        assert check_counts(flow).enrolled == 0
        assert list_sizes.wrong() == []
        assert Event.objects.filter(kind="association_removed").count() == 1, "the company hears of it"


def test_an_erased_person_is_not_written_to_after_a_later_import(acme: Account, owner: Actor, kathe: int) -> None:
    erasing.erase(acme.pk, [kathe], by=owner)
    with account_scope(acme.pk):
        assert Suppression.objects.get().reason == "erased"
        again = make_contact(ADDRESS)
        flow = make_flow(["send_email"], status=FlowStatus.RUNNING)
        enrol_matching(flow, where="r.id = %(id)s", params={"id": again.pk}, cause="by_hand")
    walk(flow)
    with account_scope(acme.pk):
        assert Participant.objects.get(flow=flow).reason == "address_suppressed"


def test_an_address_that_somebody_else_has_or_that_is_to_be_let_in_again_is_not_suppressed(
    acme: Account, owner: Actor
) -> None:
    with account_scope(acme.pk):
        one, two, three = (make_contact(each).pk for each in ("a@example.com", "a@example.com", "b@example.com"))
    erasing.erase(acme.pk, [one], by=owner)
    erasing.erase(acme.pk, [three], by=owner, suppresses=False)
    with account_scope(acme.pk):
        assert not Suppression.objects.exists()
        assert Record.objects.get().pk == two


def test_a_busy_flow_puts_erasing_off_and_the_record_is_archived_meanwhile(
    acme: Account, owner: Actor, flow: Flow, kathe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participants.commands.try_shared", lambda flow_id: False)
    erasing.erase(acme.pk, [kathe], by=owner)
    with account_scope(acme.pk):
        assert Record.objects.get(pk=kathe).archived_at is not None
        assert editing.restore([kathe], by=owner, source="member") == 0
        assert Participant.objects.filter(record_id=kathe).exists()
    monkeypatch.undo()
    assert erasing.work(acme.pk)
    assert set(left(acme, kathe)) == {"messaging_suppression", "records_erasure"}


def test_a_worker_that_dies_in_between_is_followed_by_another(
    acme: Account, owner: Actor, flow: Flow, kathe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(doomed: Any) -> None:
        raise ConnectionError

    monkeypatch.setitem(erasing._erasers, "messages", die)
    with pytest.raises(ConnectionError):
        erasing.erase(acme.pk, [kathe], by=owner)
    with account_scope(acme.pk):
        assert not Participant.objects.filter(record_id=kathe).exists(), "what was committed stays"
        assert Record.objects.filter(pk=kathe).exists() and Message.objects.exists()
        check_counts(flow)
    monkeypatch.undo()
    assert erasing.to_do(10) == [acme.pk]
    assert erasing.work(acme.pk)
    assert set(left(acme, kathe)) == {"messaging_suppression", "records_erasure"}
    with account_scope(acme.pk):
        check_counts(flow)


def test_what_came_in_behind_the_back_of_the_first_pass_goes_with_the_second(
    acme: Account, owner: Actor, flow: Flow, kathe: int
) -> None:
    erasing.erase(acme.pk, [kathe], by=owner)
    with account_scope(acme.pk):
        events.record_events("message_handed_over", [kathe], {"address": ADDRESS})
    assert not erasing.work(acme.pk), "it waits a minute"
    forward(timedelta(minutes=2))
    erasing.work(acme.pk)
    assert set(left(acme, kathe)) == {"messaging_suppression"}
    with account_scope(acme.pk):
        assert not Erasure.objects.exists()


def test_many_are_erased_by_a_worker_in_chunks(
    acme: Account, globex: Account, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "CHUNK", 20)
    with account_scope(globex.pk):
        theirs = make_contacts(1)[0].pk
    with account_scope(acme.pk):
        made = [each.pk for each in make_contacts(70)]
    assert erasing.erase(acme.pk, [*made, theirs], by=owner) == 70
    with account_scope(acme.pk):
        assert Record.objects.filter(archived_at__isnull=False).count() == 70
    while erasing.work(acme.pk):
        pass
    with account_scope(acme.pk):
        assert not Record.objects.exists()
    with account_scope(globex.pk):
        assert Record.objects.get().pk == theirs and not Suppression.objects.exists()


def refuse(source: Import, rows: Iterable[dict[str, Any]]) -> None:
    RefusedRow.objects.bulk_create(
        RefusedRow(source=source, row=number, reason="Too long", values=values) for number, values in enumerate(rows, 1)
    )


def test_rows_that_were_not_taken_go_with_whom_they_name_by_id_number_or_address(acme: Account, owner: Actor) -> None:
    of_her = [
        {"Nr": " K-7 ", "Name": "Käthe"},
        {"Flyt": "{id}"},
        {"Mobile": "+47 900 12 345"},
        {"Mobile": "0047 900-12-345"},
        {"Notes": "900 12 345"},
        {"Mobile": "90 01 23 45", "Mail": "kathe@@example"},
        {"Mobile": "+47 (0) 90012345"},
        {"": ["", "(900) 12.345"]},
        {"Home": "08-123 456 78"},
        {"Work": "Kathe@Work.example"},
        {"Notes": "see 900 12 345"},
        {"Nr": "\u00a0K-7"},
    ]
    of_others = [
        {"Nr": "K-70"},
        {"Name": "K-7"},
        {"Name": "{id}"},
        {"Mobile": "+47 900 12 346"},
        {"Mobile": "+46 900 12 345"},
        {"Mobile": "112"},
    ]
    with account_scope(acme.pk):
        make_property("home", "phone")
        make_property("work", "email")
        person = make_contact(phone="+4790012345", home="+46812345678", work="kathe@work.example")
        row = {"id": person.pk, "properties": {"email": None}, "external_id": "K-7"}
        upsert(person.object_type, [row], match_on="id", source="api")
        mapping = {"Nr": {"field": "external_id"}, "Flyt": {"field": "id"}, "Mobile": {"property": "phone"}}
        kept = {"mapping": mapping, "encoding": "utf-8", "delimiter": ",", "status": "done"}
        source = Import.objects.create(name="Fair", object_type=person.object_type, **kept)
        refuse(source, [json.loads(json.dumps(each).replace("{id}", str(person.pk))) for each in of_her + of_others])
        company = make_record("company", name="K").object_type
        refuse(Import.objects.create(name="Firms", object_type=company, **kept), [{"Nr": "K-7"}])
    erasing.erase(acme.pk, [person.pk], by=owner)
    with account_scope(acme.pk):
        assert RefusedRow.objects.filter(source=source, row__lte=len(of_her)).count() == 0
        assert RefusedRow.objects.filter(source=source).count() == len(of_others)
        assert RefusedRow.objects.exclude(source=source).count() == 1, "another type has external ids of its own"


@pytest.mark.parametrize(
    ("hers", "another"),
    [
        ("ann@x.no; ola@y.no", "joann@x.no; ola@y.no"),
        ("ola@y.no,ANN@x.no", "ola@y.no,ann@x.no.example"),
        ("Ann <ann@x.no>", "Ann <jo.ann@x.no>"),
        ("'ann@x.no', 'ola@y.no'", "o'ann@x.no"),
        ("“ann@x.no”", "o’ann@x.no"),
        ("mailto:ann@x.no?subject=Hi", "mailto:ann@x.nope?subject=Hi"),
        ("Write to ann@x.no.", "Write to ann@x.no-hotel.example."),
        ("ann\u00a0@x.no", "ann-@x.no"),
        ("\ufeffann@x.no", "ann+fair@x.no"),
        ("ola@y.no/ann@x.no", "ann@sub.x.no"),
        ("tel: +47 99 88 77 66", "tel: +47 99 88 77 66 55"),
        ("+47\u200999\u202f88\u00a077\u200766", "+46\u200999\u202f88\u00a077\u200766"),
        ("\u202a+4799887766\u202c", "\u202a14799887766\u202c"),
        ("99\u201188\u201177\u201166 (10-16)", "99\u201188\u201177\u201166\u201110"),
        ("22 33 44 55 / 99 88 77 66", "+46 / 99 88 77 66"),
        ("Tel. (mobile) 99 88 77 66 / 22 33 44 55", "Tel. (46) 99 88 77 66 / 22 33 44 55"),
        ("99 88 77 66 - 2. floor", "1299887766 - 2. floor"),
        ("+46 8 123 456 78 +47 99 88 77 66", "+46 8 123 456 78 +46 99 88 77 66"),
        ("22 33 44 55\n99 88 77 66", "22 33 44 55 99 88 77 66"),
        ("99887766x12, at home 22334455", "199887766x12"),
        ("99 88 77 66. At home 22 33 44 55", "4111 9988 7766 1111"),
    ],
)
def test_an_address_or_number_is_found_anywhere_in_a_cell_but_not_inside_another_one(
    acme: Account, owner: Actor, hers: str, another: str
) -> None:
    with account_scope(acme.pk):
        ann = make_contact("ann@x.no", phone="+4799887766")
        kept = {"mapping": {}, "encoding": "utf-8", "delimiter": ",", "status": "done"}
        source = Import.objects.create(name="Fair", object_type=ann.object_type, **kept)
        refuse(source, [{"Notes": hers}, {"": ["", hers]}, {"Notes": another}])
    erasing.erase(acme.pk, [ann.pk], by=owner)
    with account_scope(acme.pk):
        assert [row.values for row in RefusedRow.objects.filter(source=source)] == [{"Notes": another}]

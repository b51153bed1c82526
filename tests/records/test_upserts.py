"""Upserts: what rows become, what they are matched by, what is refused, and what two at once do."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope
from records import events
from records.models import Consent, Event, EventPending, ObjectType, Property, Record
from records.schema import ensure_object_types
from records.upserts import Result, Status, upsert
from scheduling import clock
from tests.conftest import make_account


def by_email(object_type: ObjectType, *rows: dict[str, Any], source: str = "api") -> list[Result]:
    return upsert(object_type, rows, match_on="email", source=source)


def person(email: str = "anne@firma.example", **properties: Any) -> dict[str, Any]:
    return {"properties": {"email": email, **properties}}


def paths(result: Result) -> list[str]:
    assert result.status == Status.REFUSED and result.id is None
    assert all(error.message for error in result.errors)
    return [error.path for error in result.errors]


# --- Created, updated, unchanged -----------------------------------------------------------------------------


def test_a_row_about_nobody_makes_a_record(contact: ObjectType) -> None:
    row = person(" Anne@Firma.Example", city="Oslo", score="7,5") | {"external_id": 17, "former_employee": "nei"}
    [result] = by_email(contact, row)
    record = Record.objects.get()
    assert (result.status, result.id) == (Status.CREATED, record.pk)
    assert record.properties == {"email": "anne@firma.example", "city": "Oslo", "score": 7.5}
    assert (record.email, record.external_id, record.former_employee) == ("anne@firma.example", "17", False)


def test_a_row_changes_what_it_names_and_null_clears(contact: ObjectType) -> None:
    by_email(contact, person(city="Oslo", country="NO", score=5))
    [result] = by_email(contact, person(city="", country=None, score=6))
    assert result.status == Status.UPDATED
    assert Record.objects.get().properties == {"email": "anne@firma.example", "score": 6}


def test_a_row_that_says_what_is_known_changes_nothing(contact: ObjectType) -> None:
    row = person(city="Oslo", score=5) | {"consent": True, "external_id": "17"}
    by_email(contact, row)
    before = Record.objects.get()
    clock.move_to(datetime(2030, 1, 1, tzinfo=UTC))
    [result] = by_email(contact, person(score="5,0", city=" Oslo ") | {"consent": "ja", "external_id": 17})
    after = Record.objects.get()
    assert (result.status, result.id) == (Status.UNCHANGED, before.pk)
    assert (after.updated_at, after.consent_at) == (before.updated_at, before.consent_at)
    assert Event.objects.filter(kind="record_updated").count() == 0


def test_an_update_stamps_the_record(contact: ObjectType) -> None:
    by_email(contact, person())
    clock.move_to(datetime(2030, 1, 1, tzinfo=UTC))
    by_email(contact, person(city="Oslo"))
    assert Record.objects.get().updated_at.year == 2030
    assert Record.objects.get().created_at.year < 2030


# --- Matching ------------------------------------------------------------------------------------------------


def test_of_several_records_with_an_address_the_first_that_is_not_archived_is_meant(contact: ObjectType) -> None:
    archived, first, _second = (
        Record.objects.create(object_type=contact, properties={"email": "anne@firma.example"}) for _ in range(3)
    )
    Record.objects.filter(pk=archived.pk).update(archived_at=clock.now())
    assert by_email(contact, person(city="Oslo"))[0].id == first.pk


def test_an_address_of_another_object_type_is_another_record(contact: ObjectType) -> None:
    company = ObjectType.objects.get(key="company")
    made = Record.objects.create(object_type=company, properties={"email": "anne@firma.example"})
    assert by_email(contact, person())[0].id != made.pk


def test_records_matched_by_external_id_may_share_an_address(contact: ObjectType) -> None:
    rows = [person() | {"external_id": number} for number in ("1", "2")]
    first, second = upsert(contact, rows, match_on="external_id", source="api")
    assert first.id != second.id
    again = upsert(contact, rows, match_on="external_id", source="api")
    assert [each.id for each in again] == [first.id, second.id]


def test_a_record_matched_by_id_may_change_its_address(contact: ObjectType) -> None:
    [made] = by_email(contact, person())
    [result] = upsert(contact, [{"id": made.id, **person("new@firma.example")}], match_on="id", source="api")
    assert result.status == Status.UPDATED
    assert Record.objects.get().email == "new@firma.example"


def test_rows_about_one_record_are_applied_in_order_and_written_once(contact: ObjectType) -> None:
    rows = [person(city="Oslo", score=1), person("per@firma.example"), person("ANNE@firma.example", score=2)]
    first, other, last = by_email(contact, *rows)
    assert (last.status, last.superseded_by) == (Status.CREATED, None)
    assert (first.status, first.superseded_by, first.id) == (Status.UNCHANGED, 2, last.id)
    assert other.superseded_by is None
    assert Record.objects.get(pk=last.id).properties == {"email": "anne@firma.example", "city": "Oslo", "score": 2}
    assert [each.status for each in by_email(contact, *rows)] == [Status.UNCHANGED] * 3
    assert Event.objects.count() == 2


# --- What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "path"),
    [
        (person("anne at firma.example"), "properties.email"),
        (person(score="many"), "properties.score"),
        (person(height=180), "properties.height"),
        (person() | {"colour": "red"}, "colour"),
        (person() | {"id": 7}, "id"),
        (person() | {"external_id": "x" * 201}, "external_id"),
        (person() | {"external_id": ["x"]}, "external_id"),
        (person() | {"consent": "perhaps"}, "consent"),
        (person() | {"consent": True, "consent_at": "yesterday"}, "consent_at"),
        (person() | {"former_employee": 7}, "former_employee"),
        ({"properties": ["city"]}, "properties"),
        ({"properties": {"city": "Oslo"}}, "properties.email"),
        ({}, "properties.email"),
    ],
)
def test_a_row_with_a_fault_is_refused_alone_with_the_path(contact: ObjectType, row: dict[str, Any], path: str) -> None:
    good, bad = by_email(contact, person("per@firma.example"), row)
    assert good.status == Status.CREATED
    assert paths(bad) == [path]
    assert Record.objects.count() == 1


def test_every_fault_of_a_row_is_told(contact: ObjectType) -> None:
    [result] = by_email(contact, person("nobody", score="x") | {"consent": "perhaps"})
    assert paths(result) == ["properties.email", "properties.score", "consent"]


def test_an_unknown_id_creates_nothing(contact: ObjectType, globex: Account) -> None:
    with account_scope(globex.pk):
        ensure_object_types()
        theirs = Record.objects.create(object_type=ObjectType.objects.get(key="contact"))
    rows = [{"id": theirs.pk, "properties": {"city": "Oslo"}}, {"id": 0}, {"id": True}, {"properties": {}}]
    results = upsert(contact, rows, match_on="id", source="api")
    assert [paths(result) for result in results] == [["id"]] * 4
    with account_scope(globex.pk):
        assert Record.objects.get().properties == {}


def test_an_external_id_has_one_record(contact: ObjectType) -> None:
    by_email(contact, person("anne@firma.example") | {"external_id": "1"})
    rows = [person("per@firma.example") | {"external_id": "1"}, person("ida@firma.example") | {"external_id": "2"}]
    taken, fine, taken_here = by_email(contact, *rows, person("eva@firma.example") | {"external_id": "2"})
    assert paths(taken) == paths(taken_here) == ["external_id"]
    assert fine.status == Status.CREATED
    assert Record.objects.count() == 2


def test_an_archived_record_keeps_its_external_id_and_is_not_written(contact: ObjectType) -> None:
    [made] = by_email(contact, person() | {"external_id": "1"})
    Record.objects.update(archived_at=clock.now())
    [result] = upsert(contact, [person(city="Oslo") | {"external_id": "1"}], match_on="external_id", source="api")
    assert paths(result) == ["external_id"]
    assert "city" not in Record.objects.get(pk=made.id).properties


def test_too_many_rows_and_unknown_matches_are_refused_before_anything(contact: ObjectType) -> None:
    with pytest.raises(ValueError, match="10000"):
        by_email(contact, *[person()] * 10_001)
    with pytest.raises(ValueError, match="match_on"):
        upsert(contact, [person()], match_on="phone", source="api")
    assert not Record.objects.exists()


# --- Consent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (True, "given"),
        ("yes", "given"),
        ("Given", "given"),
        (False, "withdrawn"),
        ("nej", "withdrawn"),
        ("", "unknown"),
    ],
)
def test_consent_is_told_in_several_ways(contact: ObjectType, said: object, kept: str) -> None:
    by_email(contact, person() | {"consent": said})
    record = Record.objects.get()
    assert record.consent == kept
    assert (record.consent_at is None) == (kept == "unknown")


def test_consent_counts_from_the_moment_the_row_names(contact: ObjectType) -> None:
    by_email(contact, person() | {"consent": True, "consent_at": "2024-05-01 12:00"})
    assert Record.objects.get().consent_at == datetime(2024, 5, 1, 10, tzinfo=UTC)  # the account is in Oslo


def test_an_import_undoes_a_withdrawal_only_with_a_later_consent(contact: ObjectType) -> None:
    by_email(contact, person() | {"consent": False, "consent_at": "2025-01-01T00:00:00Z"})
    for late_enough in ({}, {"consent_at": "2024-12-31T00:00:00Z"}):
        [result] = by_email(contact, person() | {"consent": True, **late_enough}, source="import")
        assert result.status == Status.UNCHANGED
    assert Record.objects.get().consent == Consent.WITHDRAWN
    by_email(contact, person() | {"consent": True, "consent_at": "2025-02-01T00:00:00Z"}, source="import")
    assert Record.objects.get().consent == Consent.GIVEN
    by_email(contact, person() | {"consent": False}, source="import")
    assert Record.objects.get().consent == Consent.WITHDRAWN
    by_email(contact, person() | {"consent": True})
    assert Record.objects.get().consent == Consent.GIVEN


# --- Events ------------------------------------------------------------------------------------------------------


def test_changes_are_told_as_events_with_old_and_new(contact: ObjectType) -> None:
    events.listen(["record_updated"])
    by_email(contact, person(city="Oslo", score=1))
    by_email(contact, person(city="Bergen", score=None) | {"consent": True, "consent_at": "2025-01-01T00:00:00Z"})
    created, updated = Event.objects.order_by("pk")
    assert (created.kind, created.detail, created.record_id) == ("record_created", {"source": "api"}, updated.record_id)
    assert (updated.kind, updated.depth, updated.flow_id) == ("record_updated", 0, None)
    assert updated.detail == {
        "source": "api",
        "changes": {
            "city": ["Oslo", "Bergen"],
            "score": [1, None],
            "consent": ["unknown", "given"],
            "consent_at": [None, "2025-01-01T00:00:00+00:00"],
        },
    }
    assert [pending.event_id for pending in EventPending.objects.all()] == [updated.pk]


def test_what_an_import_changes_is_told_without_consequences(contact: ObjectType) -> None:
    events.listen(["record_created", "record_updated"])
    by_email(contact, person(city='Oslo\\t\t"x"'), source="import")
    by_email(contact, person(city="Bergen"), source="import")
    [updated] = Event.objects.all()
    assert (updated.kind, updated.record_id) == ("record_updated", Record.objects.get().pk)
    assert updated.detail == {"source": "import", "changes": {"city": ['Oslo\\t\t"x"', "Bergen"]}}
    assert not EventPending.objects.exists()


# --- Phones and zones --------------------------------------------------------------------------------------------


def test_a_phone_number_is_read_in_the_country_of_its_row(contact: ObjectType) -> None:
    by_email(contact, person(phone="22 34 56 78", country="no"), person("b@firma.example", phone="22 34 56 78"))
    stored = [record.properties["phone"] for record in Record.objects.order_by("pk")]
    assert stored == ["+4722345678", "22 34 56 78"]


# --- Many, and at once ---------------------------------------------------------------------------------------------


def test_ten_thousand_rows_take_a_few_seconds_and_few_statements(
    contact: ObjectType, django_assert_max_num_queries: Any
) -> None:
    rows = [
        person(f"p{number}@firma.example", first_name="Åse", phone=f"+47 22 34 {number:04}", score=number)
        for number in range(10_000)
    ]
    started = time.monotonic()
    with django_assert_max_num_queries(20):
        created = by_email(contact, *rows)
    for row in rows:
        row["properties"]["score"] += 1
    with django_assert_max_num_queries(20):
        updated = by_email(contact, *rows)
    assert {each.status for each in created} == {Status.CREATED}
    assert {each.status for each in updated} == {Status.UPDATED}
    assert [each.id for each in created] == [each.id for each in updated]
    assert Record.objects.filter(properties__score=10_000).count() == 1
    assert time.monotonic() - started < 40, "a generous bound for a busy machine"


@pytest.fixture
def committed(transactional_db: None) -> ObjectType:
    """Contacts of an account that other connections see too."""
    account = make_account("Acme", "acme")
    with account_scope(account.pk):
        ensure_object_types()
        return ObjectType.objects.get(key="contact")


def at_once(*works: Any) -> None:
    failures: list[BaseException] = []

    def guarded(work: Any) -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert failures == []


def test_two_upserts_with_one_address_make_one_record(committed: ObjectType) -> None:
    ready = threading.Barrier(2)
    results: list[Result] = []

    def work(city: str) -> None:
        ready.wait(10)
        with account_scope(committed.account_id):
            results.extend(by_email(committed, person(city=city), person("per@firma.example")))

    for _ in range(5):
        at_once(lambda: work("Oslo"), lambda: work("Bergen"))
    with account_scope(committed.account_id):
        assert Record.objects.count() == 2
    assert sorted(result.status for result in results).count("created") == 2


def test_upserts_in_opposite_order_and_a_step_that_updates_do_not_deadlock(committed: ObjectType) -> None:
    emails = [f"p{number}@firma.example" for number in range(200)]
    with account_scope(committed.account_id):
        by_email(committed, *map(person, emails))
    ready = threading.Barrier(3)

    def work(order: list[str], city: str) -> None:
        ready.wait(10)
        for turn in range(5):
            with account_scope(committed.account_id):
                by_email(committed, *(person(email, city=f"{city} {turn}") for email in order))

    def step() -> None:
        ready.wait(10)
        for turn in range(5):
            with account_scope(committed.account_id), connection.cursor() as cursor:
                cursor.execute("select id from records_record order by id for no key update")
                cursor.execute(
                    "update records_record set properties = properties || %s::jsonb", [f'{{"score": {turn}}}']
                )

    at_once(lambda: work(emails, "Oslo"), lambda: work(emails[::-1], "Bergen"), step)
    with account_scope(committed.account_id):
        ends = Record.objects.filter(properties__city__in=["Oslo 4", "Bergen 4"], properties__score=4)
        assert ends.count() == 200


def test_properties_of_another_account_are_unknown(contact: ObjectType, globex: Account) -> None:
    with account_scope(globex.pk):
        ensure_object_types()
        Property.objects.create(object_type=ObjectType.objects.get(key="contact"), key="secret", label="S", type="text")
    assert paths(by_email(contact, person(secret="x"))[0]) == ["properties.secret"]

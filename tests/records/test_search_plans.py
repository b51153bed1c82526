"""Searching uses the index of names, addresses and phone numbers, whoever's records lie beside."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import searching
from records.merging import IMPORT, MATCH, Merge
from records.models import Record
from records.searching import Wanted
from scheduling.clock import now
from tests.make import make_contact, make_object_type, make_record

pytestmark = pytest.mark.django_db
WRITTEN = ("900 12 345", "90 01 23 45", "+47 900 12 345", "900-12-345", "004790012345", "+47 (0) 900.12/345", "0900 12")
SEARCHES = ("ångström", "900123", "kathe@ex", "kä", "ångström kä", *WRITTEN)


MANY = """
insert into records_record
  (account_id, object_type_id, properties, external_id, consent, former_employee, created_at, updated_at)
select %(account)s, %(type)s, jsonb_build_object('email', 'person-' || n || '@example.com'), 'C-' || n, 'given', false,
  %(at)s, %(at)s
from generate_series(1, %(n)s) n
"""


def make_many(n: int) -> None:
    contact = make_object_type()
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"account": contact.account_id, "type": contact.pk, "at": now(), "n": n})


def plan(wanted: Wanted) -> str:
    where, params = searching._where(wanted, now())
    sql = f"explain select r.id {searching.FROM.format(where=where)} order by r.id desc limit 51"
    with every_account(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return "\n".join(row[0] for row in cursor.fetchall())


def reads_only_what_it_finds(wanted: Wanted) -> bool:
    """By the words, and by type and external id, never by all the external ids of the account."""
    asked = plan(wanted)
    by_id = [line for line in asked.splitlines() if "Index Cond" in line and "external_id" in line]
    return "record_by_search_text" in asked and len(by_id) == 1 and "object_type_id" in by_id[0]


def test_words_are_found_by_the_index(acme: Account, globex: Account) -> None:
    for account in (globex, acme):
        with account_scope(account.pk):
            make_many(20_000)
    with account_scope(acme.pk):
        kathe = make_contact("kathe@example.com", first_name="Käthe", last_name="Ångström", phone="+4790012345")
    with every_account(), connection.cursor() as cursor:
        cursor.execute("analyze records_record")
        # What earlier tests took back lies in the index until a vacuum, and is counted as what reading it costs.
        cursor.execute("reindex index record_by_search_text")
    with account_scope(acme.pk):
        for search in SEARCHES:
            wanted = Wanted(make_object_type(), search)
            assert searching.ids(wanted, limit=10) == [kathe.pk]
            assert "record_by_search_text" in plan(wanted), f"{search}: {plan(wanted)}"
            assert searching.ids(Wanted(search=search), limit=10) == [kathe.pk]
            assert reads_only_what_it_finds(Wanted(search=search)), plan(Wanted(search=search))


def test_a_phone_number_is_found_however_it_is_written_and_no_other(acme: Account) -> None:
    with account_scope(acme.pk):
        person = make_contact(phone="+4790012345", first_name="Route 66")
        make_contact(phone="+4690112646", first_name="Kari")
        for search in (*WRITTEN, "+47 900", "route 66", "12 34"):
            assert searching.ids(Wanted(make_object_type(), search), limit=10) == [person.pk], search
        for search in ("900 12 34 6 7", "+46 900 12 345", "01 2345 6", "66 901", "12 3"):
            assert searching.ids(Wanted(make_object_type(), search), limit=10) == [], search


@pytest.mark.parametrize("near", [0, 2, 10_000])
def test_the_latest_made_and_the_others_are_found_alike(
    acme: Account, globex: Account, monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    monkeypatch.setattr(searching, "NEAR", near)
    made = []
    for number in range(6):
        with account_scope(globex.pk):
            make_contact(first_name="Kari")
        with account_scope(acme.pk):
            made.append(make_contact(first_name="Kari" if number % 3 else "Ola").pk)
            make_record("company", name="Kari AS")
    latest = [made[number] for number in (5, 4, 2, 1)]
    with account_scope(acme.pk):
        wanted = Wanted(make_object_type(), "kari")
        for limit in (1, 2, 4, 9, 300):
            assert searching.ids(wanted, limit=limit) == latest[:limit]
            assert searching.ids(wanted, limit=limit, is_falling=False) == latest[::-1][:limit]
        assert searching.ids(wanted, limit=2, after=latest[1]) == latest[2:]
        assert searching.ids(wanted, limit=2, after=latest[2], is_falling=False) == [latest[1], latest[0]]
        city = {"all": [{"property": "first_name", "operator": "eq", "value": "Ola"}]}
        assert searching.ids(Wanted(make_object_type(), "kari", city), limit=1) == []


def test_a_word_that_many_have_is_not_looked_up_in_the_index(acme: Account) -> None:
    with account_scope(acme.pk):
        make_many(2_000)
        latest = list(Record.objects.order_by("-pk").values_list("pk", flat=True)[:51])
        with CaptureQueriesContext(connection) as asked:
            assert searching.ids(Wanted(make_object_type(), "person"), limit=51) == latest
    looked = [query["sql"] for query in asked.captured_queries if "search_text" in query["sql"]]
    assert len(looked) == 1 and "limit 10000" in looked[0]


def test_names_of_companies_are_looked_up_among_the_companies_alone(acme: Account) -> None:
    """All of them are read once for thousands of names, and no contact."""
    with account_scope(acme.pk):
        make_many(5_000)
        firms = [make_record("company", name=name) for name in ("Åre Ski", "åre ski", "Nova")]
        merge = Merge(firms[0].object_type, match_on="name", source=IMPORT)
        with connection.cursor() as cursor:
            cursor.execute("analyze records_record")
            keys = ["åre ski", "nova", *(f"firma {number}" for number in range(1_000))]
            params = {"account": acme.pk, "object_type": merge.object_type.pk, "keys": keys}
            cursor.execute(f"explain (analyze, format json) {MATCH['name']}", params)
            nodes = [cursor.fetchone()[0][0]["Plan"]]
        assert merge.find(keys) == {"åre ski": firms[0].pk, "nova": firms[2].pk}
    for node in nodes:
        nodes += node.get("Plans", [])
    (read,) = [node for node in nodes if node.get("Relation Name") == "records_record"]
    removed = read.get("Rows Removed by Filter", 0) + read.get("Rows Removed by Index Recheck", 0)
    assert "Seq Scan" not in read["Node Type"] and read["Actual Rows"] + removed <= len(firms), read

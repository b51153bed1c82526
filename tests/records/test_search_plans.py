"""Searching uses the index of names, addresses and phone numbers, whoever's records lie beside."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import searching
from records.models import Record
from records.searching import Wanted
from scheduling.clock import now
from tests.make import make_contact, make_object_type, make_record

pytestmark = pytest.mark.django_db
SEARCHES = ("ångström", "900123", "kathe@ex", "kä", "ångström kä")


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

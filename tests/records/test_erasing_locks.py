"""Erasing records beside others who are at work on them: nobody waits for one who waits for them."""

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.tenancy import account_scope
from records import erasing, events
from records.models import EventPending, Record
from tests.participants.test_pause import wait_for
from tests.participants.test_races import beside, session
from tests.records import dynamic
from tests.triggers.stage import make_account
from triggers import matching

pytestmark = pytest.mark.django_db(transaction=True)

LIST_LOCK = "select pg_advisory_xact_lock(hashtextextended('list', %s))"
WAITS = """
select count(*) >= 1 from pg_locks where locktype = 'advisory' and not granted
  and database = (select oid from pg_database where datname = current_database())
"""


def test_erasing_does_not_wait_for_a_matcher_that_has_events_of_the_record_at_hand() -> None:
    """The matcher goes on to take the record out of lists, as erasing has done: both would wait for each other."""
    acme = make_account("Acme")
    (person,) = dynamic.people(acme, "Oslo")
    chosen = dynamic.made(acme)
    assert dynamic.inside(acme, chosen) == {person}
    with account_scope(acme.pk):
        events.record_events("record_updated", [person], {"changes": {"city": ["Moss", "Oslo"]}})
    with session() as holder, session() as watcher, connection.cursor() as cursor:
        holder.execute(LIST_LOCK, [chosen.pk])
        with beside(lambda: matching.match(acme.pk)):
            wait_for(watcher, WAITS)
            cursor.execute("set lock_timeout = '3s'")
            try:
                erasing.erase(acme.pk, [person], by=Actor.flyt(acme.pk))
            finally:
                cursor.execute("set lock_timeout = 0")
                holder.connection.rollback()
    assert dynamic.inside(acme, chosen) == set()
    with account_scope(acme.pk):
        assert not Record.objects.exists() and not EventPending.objects.exists()

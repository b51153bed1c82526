"""Culprits are found by halving, and the search ends when everybody is one; clashes are tried again from the start."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg2
import pytest
from django.db import connection

from accounts.history import NotAllowed
from accounts.models import Account
from accounts.tenancy import account_scope
from flows import locks
from flows.locks import take_exclusive
from flows.models import Flow, FlowStatus
from participants import engine
from participants.halving import MOST_IN_A_ROW, Halving
from participants.isolation import Isolation
from participants.models import Participant
from records.models import Record
from scheduling import clock
from tests.make import make_contacts, make_flow, make_participant, steps_of
from tests.walking import check_counts, walk

pytestmark = pytest.mark.django_db


def crowd(n: int) -> Flow:
    """`n` people who are due on a step that updates them."""
    flow = make_flow([{"update_record": {"city": "Oslo"}}], status=FlowStatus.RUNNING)
    for person in make_contacts(n, city="Bergen"):
        make_participant(flow, person, step=steps_of(flow)[0])
    return flow


def poison(condition: str) -> None:
    """A constraint stands for whatever the database may refuse about a record."""
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute(f"alter table records_record add constraint poison check ({condition})")


@contextmanager
def attempts() -> Iterator[list[int]]:
    """The sizes of the batches that are tried."""
    sizes: list[int] = []
    own = Halving._try

    def counted(self: Halving, ids: list[int]) -> None:
        before = len(self.failing)
        own(self, ids)
        if ids and not (before and len(self.failing) - before == len(ids) > 1):
            sizes.append(len(ids))

    Halving._try = counted  # type: ignore[method-assign]
    try:
        yield sizes
    finally:
        Halving._try = own  # type: ignore[method-assign]


def test_the_search_ends_when_the_step_fails_for_everybody(in_acme: Account) -> None:
    flow = crowd(300)
    poison("properties->>'city' <> 'Oslo'")
    with attempts() as sizes:
        assert engine.advance(in_acme.pk, flow.pk, seconds=60) is False
    assert len(sizes) < 80, "a search to the end would try 600 times"
    assert set(Participant.objects.values_list("status", "hop")) == {("active", 0)}
    assert Participant.objects.filter(failures=1).count() == MOST_IN_A_ROW
    assert Participant.objects.filter(failures=0).count() == 300 - MOST_IN_A_ROW, "nothing is held against the untried"
    later = set(Participant.objects.values_list("due_at", flat=True))
    assert len(later) == 1 and later.pop() - clock.now() < timedelta(seconds=11), "all are put off"


def test_whoever_fails_alone_again_and_again_drops_out(in_acme: Account) -> None:
    flow = crowd(MOST_IN_A_ROW)
    poison("properties->>'city' <> 'Oslo'")
    for _attempt in range(5):
        walk(flow)
        clock.forward(timedelta(hours=2))
    assert set(Participant.objects.values_list("status", "reason")) == {("dropped_out", "step_failed")}
    check_counts(flow)


def test_a_few_healthy_ones_among_many_culprits_all_get_on(in_acme: Account) -> None:
    flow = crowd(60)
    healthy = list(Record.objects.order_by("pk").values_list("pk", flat=True))[30:32]
    poison(f"properties->>'city' <> 'Oslo' or id in ({','.join(map(str, healthy))})")
    for _round in range(60):
        walk(flow)
        if not Participant.objects.filter(status="active").exists():
            break
        clock.forward(timedelta(hours=2))
    ends = Participant.objects.values_list("record_id", "status")
    assert {record for record, status in ends if status == "finished"} == set(healthy)
    assert {status for record, status in ends if record not in healthy} == {"dropped_out"}
    check_counts(flow)


def test_a_few_culprits_among_many_are_all_found(in_acme: Account) -> None:
    flow = crowd(120)
    random.seed(7)
    culprits = random.sample(list(Record.objects.values_list("pk", flat=True)), 30)
    poison(f"properties->>'city' <> 'Oslo' or id not in ({','.join(map(str, culprits))})")
    walk(flow)
    assert Participant.objects.filter(status="finished").count() == 90
    assert set(Participant.objects.filter(failures=1).values_list("record_id", flat=True)) == set(culprits)


def test_a_search_makes_way_when_the_slice_is_over(in_acme: Account) -> None:
    """Whoever is left stays due, and each slice gets on."""
    flow = crowd(8)
    poison("properties->>'city' <> 'Oslo'")
    done: list[int] = []
    search = Isolation(in_acme.pk, flow.pk, steps_of(flow)[0].pk, lambda ids: _fail(done), until=0.0)
    search.run()
    assert Participant.objects.filter(failures=1).count() == 1
    assert Participant.objects.filter(failures=0, due_at__lte=clock.now()).count() == 7


def _fail(done: list[int]) -> None:
    done.append(1)
    raise ValueError("never")


def test_the_queue_is_searched_too(in_acme: Account) -> None:
    flow = make_flow(["wait 1 day"], status=FlowStatus.RUNNING, unenrolment={"no_such_leaf": 1})
    make_participant(flow)
    walk(flow)
    assert Participant.objects.values_list("failures", "step_id").get() == (1, None)


@pytest.mark.django_db(transaction=True)
def test_a_verb_keeps_no_short_patience_for_what_comes_after_the_lock(acme: Account) -> None:
    """Left at ten seconds, a row that somebody holds longer would make a verb fail in its middle."""
    with account_scope(acme.pk):
        flow = make_flow()
    with account_scope(acme.pk, durable=True), connection.cursor() as cursor:
        take_exclusive(flow.pk)
        cursor.execute("select current_setting('lock_timeout')")
        assert cursor.fetchone()[0] == "0"


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_cannot_be_had_is_busy(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WAIT", "50ms")
    with account_scope(acme.pk):
        flow = make_flow()
    other = psycopg2.connect(**{**connection.get_connection_params(), "cursor_factory": None})
    with other.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock_shared(hashtextextended('flow', %s))", [flow.pk])
    with pytest.raises(NotAllowed) as refused, account_scope(acme.pk, durable=True):
        take_exclusive(flow.pk)
    other.close()
    assert refused.value.code == "busy"


# What counts how often it was called is not taken back with the transaction.
CLASH = """
create sequence clashes;
create function clash() returns trigger language plpgsql security definer as $$
begin
  if nextval('clashes') = 1 then raise exception 'as in a clash' using errcode = '{code}'; end if;
  return new;
end $$;
create trigger clash before update on records_record for each row execute function clash()
"""


@pytest.mark.parametrize("code", ["40P01", "40001"])  # a deadlock, a failed serialisation
def test_a_clash_is_tried_again_from_the_start_and_counts_for_nobody(
    in_acme: Account, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    """Told by a trigger: which of two sessions PostgreSQL makes the victim of a real one is chance."""
    caplog.set_level("INFO")
    flow = crowd(2)
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute(CLASH.format(code=code))
    with attempts() as sizes:
        walk(flow)
    assert caplog.text.count(f"{code}, again") == 1 and sizes == [], "nobody looks for a culprit"
    assert set(Participant.objects.values_list("status", "failures")) == {("finished", 0)}

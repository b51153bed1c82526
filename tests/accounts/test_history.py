"""The guarded move: one of two racing callers wins, and a refusal leaves nothing behind."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.history import Moves, NotAllowed, move, record
from accounts.models import Account, History
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow
from tests.make import make_flow

MOVES: Moves = {
    "start": (frozenset({"not_running"}), "running"),
    "pause": (frozenset({"running"}), "paused"),
    "end": (frozenset({"running", "paused"}), "not_running"),
}


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A flow of Acme that is not running."""
    with account_scope(acme.pk):
        return make_flow()


def verbs_of(flow: Flow) -> list[str]:
    """What history says was done to the flow."""
    with account_scope(flow.account_id):
        return list(
            History.objects.filter(subject="flow", subject_id=flow.pk).order_by("id").values_list("verb", flat=True)
        )


def test_a_move_changes_the_status_and_further_columns_and_says_who_did_it(flow: Flow, owner: Actor) -> None:
    with account_scope(flow.account_id):
        move(flow, MOVES, "start", by=owner, detail={"why": "spring"}, name="Spring")
        told = History.objects.get(subject="flow", subject_id=flow.pk)
        again = Flow.objects.get(pk=flow.pk)
    assert (flow.status, flow.name) == ("running", "Spring") == (again.status, again.name)
    assert (told.verb, told.detail, told.by_name, told.account_id) == (
        "start",
        {"why": "spring"},
        "Olga Owner",
        flow.account_id,
    )


def test_history_remembers_the_person_or_the_key(flow: Flow) -> None:
    with account_scope(flow.account_id):
        record(flow, "look", by=Actor(account_id=flow.account_id, role=Role.VIEWER, name="Vera", user_id=5))
        record(flow, "poke", by=Actor(account_id=flow.account_id, role=Role.VIEWER, name="Shop", key_id=9))
        told = list(History.objects.filter(subject_id=flow.pk).order_by("id").values_list("verb", "by_user", "by_key"))
    assert told == [("look", 5, None), ("poke", None, 9)]


@pytest.mark.parametrize("verb", ["pause", "end"])
def test_a_move_from_the_wrong_status_is_refused_and_leaves_nothing(flow: Flow, owner: Actor, verb: str) -> None:
    with account_scope(flow.account_id):
        with pytest.raises(NotAllowed) as refused:
            move(flow, MOVES, verb, by=owner, name="Changed")
        assert Flow.objects.get(pk=flow.pk).name == flow.name != "Changed", "the transaction is still usable"
    assert (refused.value.code, refused.value.detail) == ("wrong_status", {"status": "not_running"})
    assert "Not running" in refused.value.message
    assert verbs_of(flow) == []


def test_a_refused_move_tells_the_true_status_and_not_the_one_in_memory(flow: Flow, owner: Actor) -> None:
    with account_scope(flow.account_id):
        stale = Flow.objects.get(pk=flow.pk)
        move(flow, MOVES, "start", by=owner)
        with pytest.raises(NotAllowed) as refused:
            move(stale, MOVES, "start", by=owner)
    assert refused.value.detail == {"status": "running"} and stale.status == "running"


def test_another_accounts_row_cannot_be_moved(flow: Flow, globex: Account, owner: Actor) -> None:
    with account_scope(globex.pk), pytest.raises(Flow.DoesNotExist):
        move(flow, MOVES, "start", by=owner)
    with account_scope(flow.account_id):
        assert Flow.objects.get(pk=flow.pk).status == "not_running"


def test_a_change_that_fails_after_the_move_takes_the_move_and_its_history_back(flow: Flow, owner: Actor) -> None:
    with pytest.raises(ZeroDivisionError), account_scope(flow.account_id):
        move(flow, MOVES, "start", by=owner)
        raise ZeroDivisionError
    with account_scope(flow.account_id):
        assert Flow.objects.get(pk=flow.pk).status == "not_running"
    assert verbs_of(flow) == []


@pytest.mark.django_db(transaction=True)
def test_of_racing_callers_one_wins_and_the_others_are_refused(flow: Flow, owner: Actor) -> None:
    callers, refusals = 6, []
    start = threading.Barrier(callers)

    def call() -> None:
        with account_scope(flow.account_id):
            own = Flow.objects.get(pk=flow.pk)
            start.wait(10)
            try:
                move(own, MOVES, "start", by=owner)
            except NotAllowed as refusal:
                refusals.append(refusal.detail)

    together(call, callers)
    assert refusals == [{"status": "running"}] * (callers - 1)
    assert verbs_of(flow) == ["start"]


@pytest.mark.django_db(transaction=True)
def test_of_two_racing_verbs_only_such_an_order_happens_as_the_table_allows(flow: Flow, owner: Actor) -> None:
    with account_scope(flow.account_id):
        move(flow, MOVES, "start", by=owner)
    verbs, refused = iter(["pause", "end"]), []
    start = threading.Barrier(2)

    def call() -> None:
        verb = next(verbs)
        with account_scope(flow.account_id):
            own = Flow.objects.get(pk=flow.pk)
            start.wait(10)
            try:
                move(own, MOVES, verb, by=owner)
            except NotAllowed:
                refused.append(verb)

    together(call, 2)
    assert (verbs_of(flow), refused) in (
        (["start", "pause", "end"], []),
        (["start", "end"], ["pause"]),
    )


def together(call: Callable[[], None], callers: int) -> None:
    """Run `call` in threads with connections of their own; an error in one of them fails the test."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == [] and not any(thread.is_alive() for thread in threads)

"""Finding walks by words of their records: the latest at once, the others by the index, the same either way."""

import pytest
from django.db import ProgrammingError

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Flow
from participants import searching
from participants.models import Participant, ParticipantStatus
from participants.searching import Wanted
from records.models import Record
from scheduling.clock import now
from tests.make import make_contact, make_flow, make_participant, steps_of

pytestmark = pytest.mark.django_db
NAMES = ("Kari Berg", "Ola Berg", "Kari Dahl", "Mia Berg", "Kari Bergset", "Ola Dahl", "Åse Berg", "Kari Lie")


@pytest.fixture
def flow(acme: Account, globex: Account) -> Flow:
    """A flow that everybody walks, one of them for the second time; the same people walk in another account, too."""
    for account in (globex, acme):
        with account_scope(account.pk):
            flow = make_flow(["wait 2 days"], only_once=False)
            wait = steps_of(flow)[0]
            for number, name in enumerate(NAMES):
                first, last = name.split()
                someone = make_contact(first_name=first, last_name=last)
                if number % 3 == 0:
                    make_participant(flow, someone, status=ParticipantStatus.DROPPED_OUT, reason="no_consent")
                    if number:
                        continue
                make_participant(flow, someone, step=wait if number % 2 else None)
    return flow


def expected(flow: Flow, *words: str, **filters: object) -> list[int]:
    """In plain Python; the latest first."""
    walks = Participant.objects.filter(flow=flow, **filters).order_by("-pk")
    names = {
        each.pk: " ".join((each.properties["first_name"], each.properties["last_name"])).lower()
        for each in Record.objects.all()
    }
    return [each.pk for each in walks if all(word in names[each.record_id] for word in words)]


@pytest.mark.parametrize("near", [0, 1, 3, 10_000])
def test_the_latest_and_the_others_are_found_alike(
    acme: Account, flow: Flow, monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    monkeypatch.setattr(searching, "NEAR", near)
    with account_scope(acme.pk):
        for search in ("berg", "kari", "kari berg", "ola dahl", "åse", "nobody"):
            everyone = expected(flow, *search.split())
            wanted = Wanted(flow, search)
            for limit in (1, 2, 3, 300):
                assert searching.ids(wanted, limit=limit) == everyone[:limit]
                assert searching.ids(wanted, limit=limit, is_falling=False) == everyone[::-1][:limit]
            for place in everyone:
                assert searching.ids(wanted, limit=2, after=place) == [each for each in everyone if each < place][:2]
        wait = steps_of(flow)[0]
        assert searching.ids(Wanted(flow, "berg", step_id=wait.pk), limit=9) == expected(flow, "berg", step_id=wait.pk)
        assert searching.ids(Wanted(flow, "berg", statuses=("active",), step_id=0), limit=9) == expected(
            flow, "berg", status="active", step_id=None
        )
        left = Wanted(flow, "berg", statuses=("dropped_out", "cancelled"), reason="no_consent")
        assert len(found := searching.ids(left, limit=9)) == 3 and found == expected(flow, "berg", reason="no_consent")


def test_in_a_small_flow_nobody_else_is_looked_at(acme: Account, flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "ALL", "this is asked of all records of the account")
    with account_scope(acme.pk):
        assert searching.ids(Wanted(flow, "berg"), limit=51) == expected(flow, "berg")
        monkeypatch.setattr(searching, "NEAR", Participant.objects.filter(flow=flow).count())
        assert searching.ids(Wanted(flow, "berg"), limit=51) == expected(flow, "berg")
        monkeypatch.setattr(searching, "NEAR", searching.NEAR - 1)
        with pytest.raises(ProgrammingError):
            searching.ids(Wanted(flow, "berg"), limit=51)


def test_whoever_was_archived_is_found_and_whoever_was_erased_is_not(acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        Record.objects.filter(properties__last_name="Lie").update(archived_at=now())
        Record.objects.filter(properties__last_name="Bergset").delete()
        assert len(searching.ids(Wanted(flow, "lie"), limit=9)) == 1
        assert searching.ids(Wanted(flow, "bergset"), limit=9) == []


def test_nobody_of_another_account_or_flow_is_found(acme: Account, globex: Account, flow: Flow) -> None:
    with account_scope(globex.pk):
        assert searching.ids(Wanted(flow, "berg"), limit=9) == []
    with account_scope(acme.pk):
        other = make_flow(["wait 2 days"])
        assert searching.ids(Wanted(other, "berg"), limit=9) == []

"""A row that the database refuses holds nobody up: it is set aside, tried again, and in the end dropped with a word."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.models import Account
from flows.models import Flow
from participants import enrolment, intake, intake_failures
from participants.halving import MOST_IN_A_ROW
from participants.models import Intake, Participant, Wish
from participants.tasks import FLOWS_WITH_INTAKE
from records.models import Record
from scheduling import clock
from tests.make import make_contact, make_contacts, make_flow, make_list, make_participant, steps_of
from tests.walking import check_counts

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow(in_acme: Account) -> Flow:
    """A flow that is on."""
    return make_flow(["wait 1 day"], status="running", only_once=False)


def ask(flow: Flow, people: list[Record]) -> None:
    """Each is handed over by an event of their own."""
    for number, person in enumerate(people):
        Intake.objects.create(flow=flow, record=person, cause="hand_over", cause_key=f"event:{number}")


def poison(condition: str) -> None:
    """A constraint stands for whatever the database may refuse about a participant."""
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute(f"alter table participants_participant add constraint poison check ({condition})")


def mend() -> None:
    """The database takes everybody again."""
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("alter table participants_participant drop constraint poison")


def test_everybody_else_comes_in_and_leaves(in_acme: Account, flow: Flow, caplog: pytest.LogCaptureFixture) -> None:
    people = make_contacts(7)
    inside = make_participant(flow, make_contact(), step=steps_of(flow)[0], due_at=None)
    ask(flow, people)
    Intake.objects.create(
        flow=flow,
        record_id=inside.record_id,
        participant_id=inside.pk,
        wish=Wish.LEAVE,
        cause="added_to_flow",
        cause_key="event:9",
    )
    poison(f"record_id <> {people[2].pk}")
    assert not intake.drain(in_acme.pk, flow.pk, seconds=60)
    assert set(Participant.objects.filter(cause="hand_over").values_list("record_id", flat=True)) == {
        each.pk for each in people if each != people[2]
    }
    inside.refresh_from_db()
    assert (inside.status, inside.reason) == ("dropped_out", "added_to_flow")
    left = Intake.objects.get()
    assert (left.record_id, left.failures) == (people[2].pk, 1)
    assert left.retry_at and left.retry_at - clock.now() < timedelta(seconds=11)
    line = f"account {in_acme.pk} intake {left.pk} is set aside: IntegrityError 23514 at participants/"
    assert line in caplog.text and "_enrol" in caplog.text and "example.com" not in caplog.text
    check_counts(flow)


def test_whoever_is_set_aside_is_not_asked_for_before_their_time_and_comes_in_when_it_is_mended(
    in_acme: Account, flow: Flow
) -> None:
    people = make_contacts(2)
    ask(flow, people)
    poison(f"record_id <> {people[0].pk}")
    intake.drain(in_acme.pk, flow.pk)
    mend()
    intake.drain(in_acme.pk, flow.pk)
    assert Participant.objects.count() == 1 and with_intake() == []
    clock.forward(timedelta(seconds=11))
    assert with_intake() == [(in_acme.pk, flow.pk)]
    intake.drain(in_acme.pk, flow.pk)
    assert Participant.objects.count() == 2 and not Intake.objects.exists()


def with_intake() -> list[tuple[int, int]]:
    """The flows that dispatch finds."""
    with connection.cursor() as cursor:
        cursor.execute(FLOWS_WITH_INTAKE, {"now": clock.now()})
        return cursor.fetchall()


def test_who_fails_again_and_again_is_dropped_with_a_word_in_the_log_and_to_who_asked(
    in_acme: Account, owner: Actor, flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    people = make_contacts(3)
    asked = enrolment.enrol_list(in_acme.pk, flow.pk, make_list("All", people).pk, by=owner)
    poison(f"record_id <> {people[1].pk}")
    for attempt in range(5):
        assert Intake.objects.filter(failures=attempt).exists()
        while intake.drain(in_acme.pk, flow.pk):
            pass
        clock.forward(timedelta(hours=2))
    assert not Intake.objects.exists()
    asked.refresh_from_db()
    assert (asked.enrolled, asked.left_out) == (2, {"enrolment_failed": 1})
    assert caplog.text.count("is set aside: IntegrityError") == 4
    assert caplog.text.count("is given up (enrol, list, participant None): IntegrityError") == 1


def test_when_it_fails_for_everybody_the_search_ends_and_only_those_tried_count(in_acme: Account, flow: Flow) -> None:
    ask(flow, make_contacts(60))
    poison("hop < 0")
    assert not intake.drain(in_acme.pk, flow.pk, seconds=60)
    assert Intake.objects.filter(failures=1).count() == MOST_IN_A_ROW
    assert Intake.objects.filter(failures=0, retry_at__gt=clock.now()).count() == 60 - MOST_IN_A_ROW
    mend()
    clock.forward(timedelta(seconds=11))
    intake.drain(in_acme.pk, flow.pk)
    assert Participant.objects.count() == 60


def test_a_row_that_two_workers_find_fails_once(in_acme: Account, flow: Flow) -> None:
    """Each has searched, and comes to set it aside after the other; or has not got as far as to try it."""
    ask(flow, make_contacts(1))
    row = Intake.objects.get()
    Intake.objects.update(failures=2)
    for _ in range(2):
        assert intake_failures.set_aside(flow.pk, {row.pk: "ValueError"}, []) == []
    intake_failures.set_aside(flow.pk, {}, [row.pk])
    row.refresh_from_db()
    assert row.failures == 3
    assert row.retry_at and row.retry_at - clock.now() > timedelta(minutes=9)


CLASH = """
create function clash() returns trigger language plpgsql as $$
begin raise exception 'as in a clash' using errcode = '{code}'; end $$;
create trigger clash before insert on participants_participant for each row execute function clash()
"""


@pytest.mark.parametrize("code", ["40P01", "40001", "57P01"])
def test_a_clash_or_a_lost_connection_sets_nobody_aside(in_acme: Account, flow: Flow, code: str) -> None:
    ask(flow, make_contacts(2))
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute(CLASH.format(code=code))
    with pytest.raises(Exception, match="as in a clash"):
        intake.drain(in_acme.pk, flow.pk)
    assert set(Intake.objects.values_list("failures", "retry_at")) == {(0, None)}

"""Enrolling: a run of a schedule that matches half of an account's records, against the same bare statement.

And a list into a flow that takes everybody once, against a fourth of it: account, people and flow so new that no
statistics know them, as right after a first import.
"""

import time

from . import stage

OCCURRENCE = """
while occurrences.work({account}, {occurrence}):
    pass
"""
DRAIN = """
while intake.drain({account}, {flow}):
    pass
"""
KNOWN = 20  # flows that the statistics know
WALKS = """
insert into participants_participant (account_id, flow_id, record_id, status, reason, hop, failures, succeeded,
  success_criterion, cause, only_once, depth, enrolled_at)
select %s, %s, r.id, 'finished', '', 1, 0, false, '', 'by_hand', false, 0, now()
from records_record r where r.account_id = %s and r.object_type_id = %s order by r.id limit %s
"""
LISTED = """
insert into records_listentry (account_id, list_id, record_id, added_at)
select account_id, %s, id, now() from records_record where account_id = %s and object_type_id = %s order by id limit %s
"""
BARE = """
insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop, arrived_at, due_at,
  failures, succeeded, success_criterion, cause, occurrence_id, only_once, depth, enrolled_at)
select %(account)s, %(flow)s, r.id, 'active', '', %(step)s, 0, now(), now(), 0, false, '', 'schedule', %(occurrence)s,
  false, 0, now()
from records_record r
where r.account_id = %(account)s and r.object_type_id = %(type)s and r.archived_at is null
  and jsonb_typeof(r.properties -> 'score') = 'number' and r.properties -> 'score' < '50'::jsonb
on conflict do nothing
"""


def measure(scale: float) -> list[dict]:
    """One worker through a whole occurrence, and the bare INSERT ... SELECT ... ON CONFLICT on the same indexes."""
    people = max(10_000, int(2_000_000 * scale))
    account, contact = stage.make_account(people, "Enrol")
    stage.make_account(people // 10, "Beside")
    rounds = [(_bare(account, contact, round_), _occurrence(account, contact, people)) for round_ in range(3)]
    bare, ours = (min(each) for each in zip(*rounds, strict=True))
    ratio = ours / bare
    few, many = people // 20, people // 5
    _known(account, contact, few)
    new, theirs = stage.make_account(many, "New")
    one, fourfold = _list(new, theirs, few), _list(new, theirs, many)
    growth = fourfold / one / 4
    return [
        {
            "what": f"enrol: {people // 2:,} of {people:,} by an occurrence, seconds",
            "figure": ours,
            "measured": f"{ours:.1f}",
            "budget": "–",
            "met": None,
        },
        {
            "what": "enrol: the same bare statement, seconds",
            "figure": bare,
            "measured": f"{bare:.1f}",
            "budget": "–",
            "met": None,
        },
        {
            "what": "enrol: occurrence against bare statement",
            "figure": ratio,
            "measured": f"{ratio:.2f}",
            "budget": "1.2 or less",
            "met": ratio <= 1.2,
        },
        {
            "what": f"enrol: a list of {many:,} into a new flow, {fourfold:.1f} s: per person, times that of {few:,}",
            "figure": growth,
            "measured": f"{growth:.2f}",
            "budget": "1.5 or less",
            "met": growth <= 1.5,
        },
    ]


def _bare(account: int, contact: int, occurrence: int) -> float:
    flow, step = _flow(account)
    stage.settle()
    session = stage.owner()
    session.autocommit = False
    began = time.perf_counter()
    with session.cursor() as cursor:
        cursor.execute(
            BARE, {"account": account, "flow": flow, "step": step, "type": contact, "occurrence": -1 - occurrence}
        )
        session.commit()
    seconds = time.perf_counter() - began
    session.close()
    _forget()
    return seconds


def _occurrence(account: int, contact: int, people: int) -> float:
    from accounts.actors import Actor
    from accounts.tenancy import account_scope
    from triggers import schedules
    from triggers.models import Occurrence

    flow, _step = _flow(account)
    stage.settle()
    made = schedules.run_now(account, flow, by=Actor.flyt(account))
    seconds = stage.workers(
        OCCURRENCE.format(account=account, occurrence=made.pk), 1, before="from triggers import occurrences"
    )
    with account_scope(account):
        done = Occurrence.objects.get(pk=made.pk)
        if (done.status, done.enrolled) != ("done", people // 2):
            raise SystemExit(f"the run is {done.status} with {done.enrolled} enrolled: not a fair run")
    _forget()
    return seconds


def _known(account: int, contact: int, people: int) -> None:
    """Flows that people have been through, and statistics that know them all."""
    for _ in range(KNOWN):
        flow, _step = _flow(account)
        stage.run(WALKS, account, flow, account, contact, people // KNOWN)
    stage.settle()


def _list(account: int, contact: int, people: int) -> float:
    from accounts.actors import Actor
    from accounts.tenancy import account_scope
    from participants import enrolment
    from participants.models import Participant
    from tests.make import make_flow, make_list, make_object_type

    with account_scope(account):
        flow = make_flow(["wait 1 week"], status="running", only_once=True).pk
        chosen = make_list(f"The first {people}", object_type=make_object_type()).pk
    stage.run(LISTED, chosen, account, contact, people)
    enrolment.enrol_list(account, flow, chosen, by=Actor.flyt(account))
    seconds = stage.workers(DRAIN.format(account=account, flow=flow), 1, before="from participants import intake")
    with account_scope(account):
        if Participant.objects.filter(flow_id=flow).count() != people:
            raise SystemExit("not everybody on the list has come in: not a fair run")
    return seconds


def _flow(account: int) -> tuple[int, int]:
    from accounts.tenancy import account_scope
    from tests.make import make_flow, steps_of

    below = {"all": [{"property": "score", "operator": "lt", "value": 50}]}
    with account_scope(account):
        flow = make_flow(["wait 1 week"], schedule={"frequency": "daily"}, criteria=below, status="running")
        return flow.pk, steps_of(flow)[0].pk


def _forget() -> None:
    """Each begins with an empty table and empty indexes: filling gaps that another left costs more than appending."""
    stage.run("truncate participants_participant")

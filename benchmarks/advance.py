"""Advancing: participants through wait, split, update, list and finish, by the whole product path.

Compared in the same run with the same final writes as bare SQL in one session, and with one Celery task per
participant-step through the ORM, as other engines do it, on the same database and broker.
"""

import subprocess
import sys
import time
from collections.abc import Callable

from . import stage

STEPS = 5
WORK = """
from participants import engine
for _ in range(10_000):
    if not engine.advance({account}, {flow}, seconds=2.0):
        break
"""


def measure(scale: float) -> list[dict]:
    """100,000 participants with two workers and with one; the two comparisons."""
    people = max(1_000, int(100_000 * scale))
    account, contact = stage.make_account(people, "Advance")
    two = _rate(account, contact, people, lambda flow: stage.workers(WORK.format(account=account, flow=flow), 2))
    one = _rate(account, contact, people, lambda flow: stage.workers(WORK.format(account=account, flow=flow), 1))
    bare = _rate(account, contact, people, lambda flow: _bare(account, flow))
    few = max(200, int(500 * scale))
    single = _rate(account, contact, few, lambda flow: _one_task_each(account, flow, few))
    return [
        _row("advance: participant-steps a second, two workers", two, "20,000 or more", two >= 20_000),
        _row("advance: participant-steps a second, one worker", one, "–", None),
        _row("advance: bare SQL in one session, the same writes", bare, "–", None),
        _row("advance: two workers against bare SQL", two / bare, "0.5 or more", two / bare >= 0.5),
        _row("advance: one Celery task per participant-step, two workers", single, "–", None),
        _row("advance: two workers against one task each", two / single, "50 or more", two / single >= 50),
    ]


def _row(what: str, figure: float, budget: str, met: bool | None) -> dict:
    measured = f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"
    return {"what": what, "figure": figure, "measured": measured, "budget": budget, "met": met}


def _rate(account: int, contact: int, people: int, work: Callable[[int], float]) -> float:
    """Participant-steps a second of one way to move everyone from the first step to the end."""
    flow = _make_flow(account, contact, people)
    stage.settle()
    seconds = work(flow)
    finished = stage.one(
        "select count(*) from participants_participant where flow_id = %s and status = 'finished'", flow
    )
    logged = stage.one("select count(*) from participants_steplog where flow_id = %s", flow)
    if (finished, logged) != (people, people * STEPS):
        raise SystemExit(f"{finished} of {people} finished, {logged} of {people * STEPS} log rows: not a fair run")
    stage.run("delete from participants_participant where flow_id = %s", flow)
    stage.run("delete from participants_steplog where flow_id = %s", flow)
    stage.run("delete from records_listentry where account_id = %s", account)
    stage.run(
        """update records_record set properties = properties || '{"lifecycle_stage": "Lead"}' where account_id = %s""",
        account,
    )
    return people * STEPS / seconds


def _make_flow(account: int, contact: int, people: int) -> int:
    """A running flow of the five steps, with everyone due on the first; a wait that is over, a list to exclude."""
    sys.path.insert(0, str(stage.ROOT))
    from accounts.tenancy import account_scope
    from tests.make import make_flow, make_list, steps_of

    norwegian = {"all": [{"property": "country", "operator": "eq", "value": "NO"}]}
    with account_scope(account):
        flow = make_flow(
            [
                "wait 1 minute",
                {"split": [(norwegian, [])], "everyone_else": []},
                {"update_record": {"lifecycle_stage": "MQL"}},
                {"add_to_list": make_list()},
                "finish",
            ],
            status="running",
        )
        flow.exclusion_lists.create(list=make_list("Excluded " + flow.name))
        first = steps_of(flow)[0].pk
    stage.run(
        """
        insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop, arrived_at,
          due_at, failures, succeeded, success_criterion, cause, only_once, depth, enrolled_at)
        select %s, %s, id, 'active', '', %s, 0, now() - interval '1 hour',
          now(), 0, false, '', 'by_hand', true, 0, now()
        from records_record where account_id = %s and object_type_id = %s order by id limit %s
        """,
        account,
        flow.pk,
        first,
        account,
        contact,
        people,
    )
    return flow.pk


def _bare(account: int, flow: int) -> float:
    """The same final writes by one session: no checks, no lock, no batches, no counts, no row security."""
    session = stage.owner()
    session.autocommit = False
    with session.cursor() as cursor:
        cursor.execute("select id, kind, settings from flows_step where flow_id = %s order by position", [flow])
        steps = cursor.fetchall()
        began = time.perf_counter()
        for number, (step, kind, settings) in enumerate(steps):
            following = steps[number + 1][0] if number + 1 < len(steps) else None
            if kind == "update_record":
                cursor.execute(
                    """update records_record r
                       set properties = r.properties || '{"lifecycle_stage": "MQL"}', updated_at = now()
                       from participants_participant p
                       where p.record_id = r.id and p.step_id = %s and p.status = 'active'""",
                    [step],
                )
            if kind == "add_to_list":
                cursor.execute(
                    """insert into records_listentry (account_id, list_id, record_id, added_at)
                       select %s, %s, record_id, now() from participants_participant
                       where step_id = %s and status = 'active'
                       on conflict do nothing""",
                    [account, settings["list"], step],
                )
            cursor.execute(
                """with moved as (
                     update participants_participant set status = %s, step_id = coalesce(%s, step_id), hop = hop + 1,
                       arrived_at = now(), due_at = now() where step_id = %s and status = 'active'
                     returning id, hop)
                   insert into participants_steplog
                     (account_id, participant_id, hop, flow_id, step_id, outcome, reason, arrived_at, at)
                   select %s, id, hop - 1, %s, %s, 'continued', '', now(), now() from moved""",
                ["active" if following else "finished", following, step, account, flow, step],
            )
            session.commit()
        seconds = time.perf_counter() - began
    session.close()
    return seconds


def _one_task_each(account: int, flow: int, people: int) -> float:
    """Two Celery workers, one task per participant and step, each reading and writing through the ORM."""
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "benchmarks.one_task_each",
            "worker",
            "-c",
            "2",
            "-Q",
            "one_each",
            "-l",
            "error",
            "--without-gossip",
            "--without-mingle",
        ],
        cwd=stage.ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        from .one_task_each import step_one, warm

        warm.delay()
        while not stage.one("select exists (select 1 from django_session where session_key = 'warm')"):
            time.sleep(0.1)
        stage.run("delete from django_session where session_key = 'warm'")
        ids = stage.one("select array_agg(id) from participants_participant where flow_id = %s", flow)
        began = time.perf_counter()
        for participant in ids:  # type: ignore[attr-defined]
            step_one.delay(account, participant)
        while stage.one("select count(*) from participants_participant where flow_id = %s and status = 'active'", flow):
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        worker.terminate()
        worker.wait(30)

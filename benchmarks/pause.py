"""Pausing under load: how long `pause()` takes while workers move people, and whether anything moves after it."""

import statistics
import subprocess
import sys
import time

from . import stage

WORK = """
import time
from participants import engine
until = time.monotonic() + {seconds}
while time.monotonic() < until:
    engine.advance({account}, {flow}, seconds=2.0) or time.sleep(0.002)
"""
TRIALS = 50


def measure(scale: float) -> list[dict]:
    """Fifty pauses and resumes while two workers walk a flow whose people go round long waits that are over."""
    people = max(2_000, int(200_000 * scale))
    account, contact = stage.make_account(people, "Pause")
    flow, steps = _make_flow(account)
    _enter(account, contact, flow, steps[0])
    stage.settle()
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import django; django.setup()\n" + WORK.format(account=account, flow=flow, seconds=600),
            ],
            cwd=stage.ROOT,
        )
        for _ in range(2)
    ]
    try:
        _until_moving(flow)
        took, moved = _trials(account, flow, steps)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    took.sort()
    middle, worst = statistics.median(took) * 1000, took[-1] * 1000
    return [
        {
            "what": f"pause: {TRIALS} trials, milliseconds at the median",
            "figure": middle,
            "measured": f"{middle:.0f}",
            "budget": "200 or less",
            "met": middle <= 200,
        },
        {
            "what": "pause: milliseconds at worst",
            "figure": worst,
            "measured": f"{worst:.0f}",
            "budget": "1,000 or less",
            "met": worst <= 1000,
        },
        {
            "what": "pause: trials in which anything moved afterwards",
            "figure": moved,
            "measured": str(moved),
            "budget": "0",
            "met": moved == 0,
        },
    ]


def _trials(account: int, flow: int, steps: list[int]) -> tuple[list[float], int]:
    from accounts.actors import Actor
    from running import verbs

    by, took, moved = Actor.flyt(account), [], 0
    for _ in range(TRIALS):
        began = time.perf_counter()
        verbs.pause(account, flow, by=by)
        took.append(time.perf_counter() - began)
        before = _fingerprint(flow)
        time.sleep(0.05)
        moved += before != _fingerprint(flow)
        # Everyone starts over, so that the workers never run out: the flow is paused, so this races with nobody.
        stage.run(
            "update participants_participant set status = 'active', step_id = %s, due_at = now(), ended_at = null"
            " where flow_id = %s and status <> 'active'",
            steps[0],
            flow,
        )
        verbs.resume(account, flow, by=by)
        time.sleep(0.1)
    return took, moved


def _fingerprint(flow: int) -> object:
    return stage.one(
        "select (select sum(hop) from participants_participant where flow_id = %s)::text || ' '"
        " || (select count(*) from participants_steplog where flow_id = %s)",
        flow,
        flow,
    )


def _until_moving(flow: int) -> None:
    start = _fingerprint(flow)
    until = time.monotonic() + 60
    while _fingerprint(flow) == start:
        if time.monotonic() > until:
            raise SystemExit("nobody moves")
        time.sleep(0.1)


def _make_flow(account: int) -> tuple[int, list[int]]:
    from accounts.tenancy import account_scope
    from tests.make import make_flow, make_list, steps_of

    with account_scope(account):
        steps = [{"update_record": {"lifecycle_stage": value}} for value in ("A", "B", "C", "D")]
        flow = make_flow([*steps, {"add_to_list": make_list()}], status="running")
        return flow.pk, [step.pk for step in steps_of(flow)]


def _enter(account: int, contact: int, flow: int, step: int) -> None:
    stage.run(
        """
        insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop, arrived_at,
          due_at, failures, succeeded, success_criterion, cause, only_once, depth, enrolled_at)
        select %s, %s, id, 'active', '', %s, 0, now(), now(), 0, false, '', 'by_hand', false, 0, now()
        from records_record where account_id = %s and object_type_id = %s
        """,
        account,
        flow,
        step,
        account,
        contact,
    )

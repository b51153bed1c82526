"""Dispatch: 100,000 schedules of 10,000 running flows fire at one moment; a tick among 1,000,000 that are idle."""

import statistics

from . import stage

BASE = 1_000_000
FIRE = """
from triggers import firing
while firing.fire_due().schedules:
    pass
"""


def measure(scale: float) -> list[dict]:
    """Ticks with nothing due, then two workers that fire what is."""
    flows, due = max(100, int(10_000 * scale)), max(1_000, int(100_000 * scale))
    idle = max(10_000, int(1_000_000 * scale))
    trigger, schedule = _make_flows(flows)
    _schedules(trigger, schedule, 1_000, flows, base=BASE, moment="now() + interval '1 day'")
    few = _tick()
    _schedules(trigger, schedule, idle - 1_000, flows, base=2 * BASE, moment="now() + interval '1 day'")
    many = _tick()
    _schedules(trigger, schedule, due, flows, base=4 * BASE, moment=_fall_due(schedule))
    stage.settle()
    seconds = stage.workers(FIRE, 2)
    fired = stage.one("select count(*) from triggers_occurrence where kind = 'scheduled'")
    once = stage.one("select count(distinct schedule_id) from triggers_occurrence where schedule_id > %s", 4 * BASE)
    left = stage.one("select count(*) from triggers_schedule where next_run_at <= now()")
    wrong = abs(int(str(fired)) - due) + abs(int(str(once)) - due) + int(str(left))
    return [
        _row(f"dispatch: {due:,} schedules fired by two workers, seconds", seconds, "–", None),
        _row("dispatch: schedules lost or fired twice", wrong, "0", wrong == 0),
        _row("dispatch: a tick among 1,000 idle schedules, milliseconds", few["schedules"], "–", None),
        _ratio(f"dispatch: a tick among {idle:,}, {many['schedules']:.2f} ms", many["schedules"] / few["schedules"]),
        _row(f"dispatch: a probe of {flows:,} running flows, milliseconds", many["flows"], "–", None),
    ]


def _row(what: str, figure: float, budget: str, met: bool | None) -> dict:
    measured = f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"
    return {"what": what, "figure": figure, "measured": measured, "budget": budget, "met": met}


def _ratio(what: str, figure: float) -> dict:
    return _row(f"{what}: times that of 1,000", figure, "1.5 or less", figure <= 1.5)


def _make_flows(n: int) -> tuple[int, int]:
    """Running flows with a daily schedule; returns the ids of a trigger and a schedule to copy."""
    from accounts.tenancy import account_scope
    from tests.make import make_flow
    from triggers.models import Schedule

    account, _contact = stage.make_account(100, "Dispatch")
    with account_scope(account):
        daily = {"frequency": "daily", "times": ["00:00"], "time_zone": "UTC"}
        flow = make_flow(["wait 1 day"], schedule=daily, status="running")
        schedule = Schedule.objects.get(flow=flow)
    stage.clone_flow(flow.pk, n, BASE)
    return schedule.trigger_id, schedule.pk


def _fall_due(schedule: int) -> str:
    """The copies of a schedule that are made from now on had a run two minutes ago: at the moment that it gives."""
    moment = stage.one("select (date_trunc('minute', now()) - interval '2 minutes')::text")
    times = f"jsonb_build_array(to_char(timestamptz '{moment}' at time zone 'UTC', 'HH24:MI'))"
    stage.run(
        f"update triggers_schedule set recurrence = jsonb_set(recurrence, '{{times}}', {times}) where id = {schedule}"
    )
    return f"timestamptz '{moment}'"


def _schedules(trigger: int, schedule: int, n: int, flows: int, *, base: int, moment: str) -> None:
    """`n` more schedules, spread over the flows, all with the same next run."""
    flow = f"{BASE} + 1 + g % {flows}"
    stage.clone("triggers_trigger", trigger, n, base, flow_id=flow)
    run_at = f"to_jsonb({moment})"
    stage.clone("triggers_schedule", schedule, n, base, trigger_id=f"{base} + g", flow_id=flow, next_run_at=run_at)
    stage.settle()


def _tick() -> dict[str, float]:
    from django.db import connection

    from accounts.tenancy import every_account
    from participants import tasks
    from scheduling.clock import now
    from triggers import firing

    def probe() -> None:
        with every_account(), connection.cursor() as cursor:
            cursor.execute(tasks.DUE_FLOWS, {"now": now()})
            assert cursor.fetchall() == []

    return {
        "schedules": statistics.median(stage.milliseconds(firing.fire_due, 100)),
        "flows": statistics.median(stage.milliseconds(probe, 20)),
    }

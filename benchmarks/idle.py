"""Idle cost: finding due work among 100,000 participants who are not due or frozen, and among 10,000,000."""

import statistics

from . import stage

FLOWS = 200  # running; one more is paused, with people who are long due
BASE = 1_000_000


def measure(scale: float) -> list[dict]:
    """Dispatch's probe and the engine's look at one flow, before and after a hundred times as many have come."""
    many = max(200_000, int(10_000_000 * scale))
    few = many // 100
    account, flow = _make_flows()
    few_took = _fill(account, few, first=0)
    many_took = _fill(account, many - few, first=few)
    _tell_plans(account, flow)
    return [
        _row(f"idle: {what}, milliseconds among {few:,}", before, "–", None) | {"measured": f"{before:.2f}"}
        for what, before in few_took.items()
    ] + [
        _row(
            f"idle: {what}, {many_took[what]:.2f} ms among {many:,}: times that of {few:,}",
            many_took[what] / few_took[what],
            "1.5 or less",
            many_took[what] / few_took[what] <= 1.5,
        )
        for what in few_took
    ]


def _row(what: str, figure: float, budget: str, met: bool | None) -> dict:
    return {"what": what, "figure": figure, "measured": f"{figure:.2f}", "budget": budget, "met": met}


def _make_flows() -> tuple[int, int]:
    from accounts.tenancy import account_scope
    from tests.make import make_flow

    account, _contact = stage.make_account(1_000, "Idle")
    with account_scope(account):
        flow = make_flow(["wait 52 weeks", {"update_record": {"city": "Oslo"}}], status="running").pk
    stage.clone_flow(flow, FLOWS, BASE)
    stage.clone_flow(flow, 1, 2 * BASE, status="paused")
    return account, BASE + 1


def _fill(account: int, n: int, *, first: int) -> dict[str, float]:
    """Nine of ten wait in running flows, for days to come; every tenth is due in the paused one."""
    waits = f"{BASE} + 1 + g % {FLOWS}"
    stage.enter(
        account,
        n,
        first=first,
        flow=f"case when g % 10 = 0 then {2 * BASE} + 1 else {waits} end",
        step=f"case when g % 10 = 0 then {2 * BASE} + 100 else {BASE} + 100 * (1 + g % {FLOWS}) end",
        due="case when g % 10 = 0 then now() - interval '1 day' else now() + make_interval(days => 1 + g % 300) end",
    )
    stage.settle()
    return _look(account)


def _look(account: int) -> dict[str, float]:
    from django.db import connection

    from accounts.tenancy import every_account
    from participants import engine, tasks
    from scheduling.clock import now

    def probe() -> None:
        with every_account(), connection.cursor() as cursor:
            cursor.execute(tasks.DUE_FLOWS, {"now": now()})
            assert cursor.fetchall() == []
            cursor.execute(tasks.FLOWS_WITH_INTAKE, {"now": now()})
            assert cursor.fetchall() == []

    return {
        f"probe of {FLOWS} flows": statistics.median(stage.milliseconds(probe, 100)),
        "look at one flow": statistics.median(
            stage.milliseconds(lambda: engine.advance(account, BASE + 1, seconds=0.01), 100)
        ),
    }


def _tell_plans(account: int, flow: int) -> None:
    from participants import engine, enrolment, statistics, tasks, waking
    from scheduling.clock import now

    step = BASE + 100
    place = {"account": account, "flow": flow, "step": step, "now": now(), "next": step + 1, "limit": 1000}
    earlier = f"select r.id from records_record r where r.account_id = %(account)s and {enrolment.EARLIER_WALK}"
    stage.run(engine.MAKE_BATCH)
    claim = engine.CLAIM.format(is_step="= %(step)s", only="").split(")", 1)[1]  # without its table, which is temporary
    for what, sql, params in (
        ("probe", tasks.DUE_FLOWS, place),
        ("claim", claim, place),
        ("wake", waking.WAKE, {**place, "participants": [1, 2, 3]}),
        ("earlier walk", f"{earlier} and r.id = any('{{1,2,3}}')", place),
        ("counts", statistics.READ.format(where=""), {**place, "flows": [flow]}),
    ):
        stage.say(f"plan of {what}:\n{stage.explain(sql, params)}")

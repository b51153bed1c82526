"""Pages and lists of the API: an account with 1,000 flows and 10,000,000 participants, asked by its owner; 95th
percentiles.

In this process, by Django's own client: everything but the web server's socket.
"""

from . import stage

FLOWS = 1_000
BASE = 1_000_000
LARGE = BASE + 1  # everybody is in it
TIMES = 40
MOST = 150.0  # milliseconds


def measure(scale: float) -> list[dict]:
    """The list of flows, the tabs of a flow, its participants, and the records."""
    people, records = max(100_000, int(10_000_000 * scale)), max(10_000, int(1_000_000 * scale))
    account = _fill(people, records)
    client = _browser(account)
    flow = f"/bench/flows/{LARGE}/"
    last = stage.one("select max(id) from records_record where account_id = %s", account)
    middle = stage.one("select max(id) / 2 from participants_participant where flow_id = %s", LARGE)
    pages = {
        "list of flows": "/bench/flows/",
        "list of flows that run": "/bench/flows/?show=running",
        "flows by a name": "/bench/flows/?search=Flow+77",
        "flow": flow,
        "flow: chart": f"{flow}chart/",
        "flow: contents": f"{flow}contents/",
        "flow: log": f"{flow}log/",
        "flow: participants": f"{flow}participants/",
        "flow: participants who are active": f"{flow}participants/?status=active",
        "flow: participants who dropped out, of whom there are few": f"{flow}participants/?status=dropped_out",
        "flow: participants from the middle on": f"{flow}participants/?before={middle}",
        "flow: participants by what one in a hundred has": f"{flow}participants/?search=77%40example",
        "flow: participants by a name that only older ones have": f"{flow}participants/?search=Surname77",
        "records": "/bench/records/",
        "records by what one in a hundred has": "/bench/records/?search=77%40example",
        "records by a name that only older ones have": "/bench/records/?search=Surname77",
        "a record": f"/bench/records/{last}/",
        "API, flows": "/api/v1/flows/",
        "API, participants of a flow": f"/api/v1/flows/{LARGE}/participants/",
        "API, participants who dropped out": f"/api/v1/flows/{LARGE}/participants/?status=dropped_out",
        "API, log of a flow": f"/api/v1/flows/{LARGE}/log/",
        "API, records by a name": "/api/v1/records/?object_type=contact&search=Surname77",
        "API, lists": "/api/v1/lists/",
    }
    results = []
    for name, address in pages.items():
        took = stage.milliseconds(lambda address=address: _open(client, address), TIMES)  # type: ignore[misc]
        late = took[int(TIMES * 0.95) - 1]
        results.append(
            {
                "what": f"page: {name}, milliseconds at the 95th percentile (median {took[TIMES // 2]:.0f})",
                "figure": late,
                "measured": f"{late:.0f}",
                "budget": f"{MOST:.0f} or less",
                "met": late <= MOST,
            }
        )
    _tell_plans(client, pages)
    return results


def _open(client: object, address: str) -> None:
    answer = client.get(address)  # type: ignore[attr-defined]
    if answer.status_code != 200:
        raise SystemExit(f"{address} answers {answer.status_code}: not a fair run")


def _fill(people: int, records: int) -> int:
    """A tenth of the participants in one flow, everybody; the others in all; one of a thousand has dropped out."""
    from accounts.tenancy import account_scope
    from tests.make import make_flow

    account, _contact = stage.make_account(records, "Bench")
    with account_scope(account):
        flow = make_flow(["wait 52 weeks", "send_email", {"update_record": {"city": "Oslo"}}], status="running").pk
    stage.clone_flow(flow, FLOWS, BASE)
    before = stage.one("select min(id) - 1 from records_record where account_id = %s", account)
    due = "now() + make_interval(days => 1 + g % 300)"
    stage.enter(account, records, flow=f"{LARGE}", step=f"{BASE} + 100", due=due, record=f"{before} + g")
    stage.enter(
        account,
        people - records,
        first=records,
        flow=f"{LARGE} + 1 + g % {FLOWS - 1}",
        step=f"{BASE} + 100 * (2 + g % {FLOWS - 1})",
        due=due,
        record=f"{before} + 1 + (g / {FLOWS - 1} * 7 + g) % {records}",
    )
    stage.run(
        "update participants_participant set status = 'dropped_out', reason = 'exclusion_list', ended_at = now(),"
        " due_at = null where id % 1000 = 0"
    )
    stage.run(
        "insert into participants_counter (account_id, flow_id, step_id, what, n)"
        " select account_id, flow_id, 0, status, count(*) from participants_participant group by 1, 2, 4"
        " union all select account_id, flow_id, 0, 'enrolled', count(*) from participants_participant group by 1, 2"
        " union all select account_id, flow_id, step_id, 'on', count(*) from participants_participant"
        " where status = 'active' group by 1, 2, 3"
    )
    stage.run(
        "insert into participants_steplog"
        " (account_id, participant_id, hop, flow_id, step_id, outcome, reason, arrived_at, at)"
        " select account_id, id, 0, flow_id, 0, 'continued', '', now(), now() - make_interval(secs => id % 900000)"
        " from participants_participant where id % 10 = 0"
    )
    stage.settle()
    return account


def _browser(account: int) -> object:
    from django.test import Client

    from accounts.models import Member, User
    from accounts.rights import Role
    from accounts.sign_in import make_key
    from accounts.tenancy import account_scope

    user = User.objects.create_user("bench@example.com", "a long enough word")
    with account_scope(account):
        Member.objects.create(user=user, role=Role.OWNER)
        _key, secret = make_key("Bench", Role.OWNER)
    client = Client(SERVER_NAME="127.0.0.1", HTTP_AUTHORIZATION=f"Bearer {secret}")  # the API's; pages go by session
    client.force_login(user)
    return client


def _tell_plans(client: object, pages: dict[str, str]) -> None:
    """What each page asks, and whatever reads participants or their log from end to end."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for name, address in pages.items():
        with CaptureQueriesContext(connection) as asked:
            _open(client, address)
        took = sorted((float(query["time"]) * 1_000, query["sql"]) for query in asked.captured_queries)
        slowest, sql = took[-1]
        stage.say(f"{name}: {len(took)} queries, {sum(ms for ms, _sql in took):.0f} ms, one of them {slowest:.0f} ms")
        if slowest > MOST / 10:
            stage.say(f"  {sql[:400]}")
        for _ms, each in took:
            if each.lstrip().lower().startswith("select") and "participants_" in each:
                plan = stage.explain(each.replace("%", "%%"), {})
                if "Seq Scan on participants_participant" in plan or "Seq Scan on participants_steplog" in plan:
                    stage.say(f"  reads from end to end: {each[:300]}\n{plan}")

"""A huge flow and a small one on the same workers: the small one is through after a few slices of the huge one."""

from typing import Any

from tests.live import Live

HUGE, STEPS = 15_000, 40  # so much that it takes many slices, on any machine
LAPS = 2
SEED = """
insert into records_record (account_id, object_type_id, properties, consent, former_employee, created_at, updated_at)
select t.account_id, t.id, jsonb_build_object('email', 'huge' || g || '@example.com', 'city', 'Nowhere'), 'given',
  false, now(), now()
from records_objecttype t, generate_series(1, %s) g
where t.key = 'contact' and t.account_id = (select min(id) from accounts_account)
"""
ENTER = """
insert into participants_participant (account_id, flow_id, record_id, status, reason, step_id, hop, arrived_at, due_at,
  failures, succeeded, success_criterion, cause, only_once, depth, enrolled_at)
select account_id, %s, id, 'active', '',
  (select id from flows_step where flow_id = %s order by position limit 1), 0, at, at,
  0, false, '', 'by_hand', false, 0, at
from records_record, (select %s::timestamptz at) moment
where account_id = (select min(id) from accounts_account) and properties->>'email' like 'huge%%'
"""
HERE = "select count(*) from participants_participant where flow_id = %s and status = "


def flow_of(live: Live, name: str, cities: str) -> int:
    """A running flow with an update for each letter."""
    steps: list[dict[str, Any]] = [{"kind": "update_record", "settings": {"values": {"city": city}}} for city in cities]
    made = live.post("flows/", {"name": name, "only_once": False, "steps": steps})["id"]
    live.post(f"flows/{made}/start/")
    return int(made)


def test_a_small_flow_gets_through_beside_a_huge_one(live: Live) -> None:
    """Again and again, though the huge one has something to do for every worker all the while."""
    live.sql(SEED, HUGE)
    huge, small = flow_of(live, "Huge", "AB" * (STEPS // 2)), flow_of(live, "Small", "Z")
    rows = [{"properties": {"email": f"small{n}@example.com"}} for n in range(LAPS)]
    answer = live.post("records/batch/", {"object_type": "contact", "match_on": "email", "records": rows})
    live.sql(ENTER, huge, huge, live.now())
    moved = "select count(*) from participants_steplog where flow_id = %s"
    live.until(lambda: live.sql(moved, huge), "the huge flow to move")
    for lap, person in enumerate(answer["results"]):
        live.post(f"flows/{small}/participants/", {"records": [person["id"]]})
        live.until(lambda lap=lap: live.sql(f"{HERE} 'finished'", small) == lap + 1, "the small flow", patience=60)
        assert live.sql(f"{HERE} 'active'", huge) > 0, "it has not waited for the huge flow to be done"
    live.post(f"flows/{huge}/end/")
    live.until(lambda: not live.sql(f"{HERE} 'active'", huge), "the huge flow to be empty")

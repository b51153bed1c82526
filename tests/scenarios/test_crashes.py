"""Workers killed at random, servers broken, clocks wrong and hints multiplied: each effect is there exactly once."""

import os
from random import randrange

from tests.live import Live
from tests.scenarios.breaking import Breaker, Crowd, deadlocks, message_id, more_workers

PEOPLE, KILLS = 1_500, 10


def test_everything_happens_once_whatever_breaks(live: Live) -> None:
    seed = int(os.environ.get("FLYT_CRASH_SEED") or randrange(10**6))
    print(f"FLYT_CRASH_SEED={seed} does it again")  # shown when the test fails
    before = deadlocks(live)
    crowd = Crowd(live, PEOPLE)
    with more_workers(live, wrong_by=300, copies=9) as stacks:
        crowd.gather()
        crowd.enter()
        breaker = Breaker(crowd, stacks, KILLS, seed)
        breaker.run()
        breaker.arrive(patience=120)
    assert crowd.faults() == []
    assert crowd.unconfirmed() <= breaker.lost_senders
    assert deadlocks(live) == before
    notices_what_is_missing(live, crowd)


def notices_what_is_missing(live: Live, crowd: Crowd) -> None:
    """The count above could have failed: it finds what is taken away, and what comes twice."""
    someone = "(select max(id) from participants_participant where flow_id = %s)"
    live.sql(f"delete from participants_steplog where participant_id = {someone} and hop = 2", crowd.flow)
    live.sql(
        "update records_event set detail = '{}' where id = (select max(id) from records_event"
        " where flow_id = %s and kind = 'record_updated')",
        crowd.flow,
    )
    mail = next(file for file in live.stack.inbox_dir.glob("*.eml") if message_id(file))
    mail.with_name(f"again-{mail.name}").write_bytes(mail.read_bytes())
    found = " ".join(crowd.faults())
    for what in ("log has a gap", "log rows", "counts of steps", "two changes", "arrived twice"):
        assert what in found, what

"""Workers killed at random, servers broken, clocks wrong and hints multiplied: each effect is there exactly once."""

import os
from random import randrange

from tests.live import Live
from tests.scenarios.breaking import Breaker, deadlocks, more_workers, two_crowds
from tests.scenarios.crowd import Crowd, message_id

PEOPLE, KILLS = 1_000, 10


def test_everything_happens_once_whatever_breaks(live: Live) -> None:
    seed = int(os.environ.get("FLYT_CRASH_SEED") or randrange(10**6))
    print(f"FLYT_CRASH_SEED={seed} does it again")  # shown when the test fails
    before = deadlocks(live)
    crowds = two_crowds(live, PEOPLE)
    with more_workers(live, wrong_by=300, copies=9) as stacks:
        for crowd in crowds:
            crowd.gather()
        for crowd in crowds:
            crowd.enter()
        breaker = Breaker(crowds, stacks, KILLS, seed)
        breaker.run()
        breaker.arrive(patience=120)
    assert breaker.moved == []
    assert [crowd.faults() for crowd in crowds] == [[], []]
    assert sum(crowd.unconfirmed() for crowd in crowds) <= breaker.lost_senders
    assert deadlocks(live) == before
    for crowd in crowds:
        crowd.go_home()
    notices_what_is_missing(live, *crowds)


def notices_what_is_missing(live: Live, crowd: Crowd, other: Crowd) -> None:
    """The count above could have failed: it finds what is taken away, what comes twice, and what is another's."""
    standing, mails = crowd.standing(), crowd.mails()
    someone = "(select max(id) from participants_participant where flow_id = %s)"
    live.sql(f"delete from participants_steplog where participant_id = {someone} and hop = 2", crowd.flow)
    live.sql(
        "update records_event set detail = '{}' where id = (select max(id) from records_event"
        " where flow_id = %s and kind = 'record_updated')",
        crowd.flow,
    )
    mail = next(file for file in live.stack.inbox_dir.glob("*.eml") if message_id(file))
    mail.with_name(f"again-{mail.name}").write_bytes(mail.read_bytes())
    live.sql(
        "update participants_participant set occurrence_id = null where id ="
        " (select max(id) from participants_participant where flow_id = %s)",
        crowd.rounds[0].flow,
    )
    live.sql("update triggers_occurrence set enrolled = enrolled - 1 where flow_id = %s", crowd.rounds[1].flow)
    found = " ".join(crowd.faults())
    for what in (
        "log has a gap",
        "log rows",
        "counts of steps",
        "two changes",
        "arrived twice",
        "a run has",
        "of a run,",
    ):
        assert what in found, what
    assert crowd.standing() != standing and crowd.mails() != mails, "a pause that is not exact would be noticed"
    foreign = "update participants_steplog set account_id = %s where participant_id = (select max(id)"
    live.sql(f"{foreign} from participants_participant where flow_id = %s)", crowd.account, other.flow)
    assert any("two accounts" in fault for fault in other.faults())

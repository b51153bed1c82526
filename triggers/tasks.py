"""Background work of triggers: schedules fire, runs are worked through chunk by chunk, events have consequences."""

from django.db import connection

from accounts.tasks import account_task, house_job
from accounts.tenancy import every_account
from scheduling.clock import now

from . import firing, matching, occurrences

MOST_HINTS = 500  # of one job: the next tick hints at what is left


@account_task(queue="engine")
def work_occurrence(account_id: int, occurrence_id: int) -> bool:
    """Enrol the next chunk of a run."""
    return occurrences.work(account_id, occurrence_id)


@house_job()
def fire_due_schedules() -> None:
    """Fire every schedule that is due."""
    hints = MOST_HINTS
    while (fired := firing.fire_due()).schedules:
        for account_id, occurrence_id in fired.pending[:hints]:
            work_occurrence.hint(account_id, occurrence_id)
        hints -= min(hints, len(fired.pending))


@house_job()
def resume_occurrences() -> None:
    """Take up runs that nobody works on: their hint was lost, or their worker."""
    for account_id, occurrence_id in occurrences.to_do(MOST_HINTS):
        work_occurrence.hint(account_id, occurrence_id)


@account_task(queue="engine")
def match_events(account_id: int) -> bool:
    """Bring about what follows from an account's pending events."""
    return matching.match(account_id)


@house_job()
def match_due() -> None:
    """Find the accounts that have pending events, or events to be tried again."""
    for account_id in accounts_with_events():
        match_events.hint(account_id)


def accounts_with_events() -> list[int]:
    """The ids of accounts whose matcher has something to do now."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(
            """
            select a.id from accounts_account a
            where exists (select 1 from records_eventpending p where p.account_id = a.id)
              or exists (select 1 from triggers_eventsetaside s
                         where s.account_id = a.id and (s.retry_at <= %s or s.retry_at is null))
            """,
            [now()],
        )
        return [row[0] for row in cursor.fetchall()]

"""Background work of schedules: the clock fires what is due, and runs are worked through chunk by chunk."""

from accounts.tasks import account_task, house_job

from . import firing, occurrences

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

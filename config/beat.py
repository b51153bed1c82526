"""The house jobs: everything the clock starts by itself, how often, and why. Customers' schedules are rows of ours.

`manage.py sync_beat` makes the tables of django-celery-beat say exactly this. A job looks across accounts and sends
hints; the work itself is found in the database, so a job that is lost or comes twice does no harm.
"""

from typing import Final, NamedTuple


class HouseJob(NamedTuple):
    """One line of the table."""

    task: str  # module.function, declared there with @house_job
    every: int  # seconds
    why: str


JOBS: Final = (
    HouseJob("triggers.tasks.fire_due_schedules", 1, "a run starts within a second or two of its moment"),
    HouseJob("triggers.tasks.resume_occurrences", 5, "a run whose worker died goes on"),
    HouseJob("participants.tasks.dispatch", 1, "people move on as soon as they are due"),
    HouseJob("participants.tasks.prune_logs", 3600, "the log of the steps does not grow for ever"),
    HouseJob("triggers.tasks.match_due", 1, "events wake and enrol people"),
    HouseJob("messaging.tasks.deliver_due", 1, "messages leave as soon as they are due"),
    HouseJob("messaging.tasks.sweep_unconfirmed", 30, "messages whose worker died while sending get a final word"),
    HouseJob("records.tasks.resume_imports", 5, "an import whose worker died goes on"),
    HouseJob("records.tasks.discard_forgotten_drafts", 3600, "a file that nobody imported does not stay"),
    HouseJob("records.tasks.refresh_lists", 2, "lists are evaluated wholly when they are made, changed or in time"),
    HouseJob("records.tasks.roll_up_list_sizes", 5, "the size of a list is read in constant time"),
    HouseJob("records.tasks.clear_lists_away", 5, "the entries of deleted lists go"),
    HouseJob("records.tasks.resume_erasures", 5, "records that are to be erased go, also when a worker died at it"),
    HouseJob(
        "records.tasks.prune_events", 600, "the log of events does not grow for ever; refused rows are kept for a while"
    ),
    HouseJob("api.tasks.prune_idempotency_keys", 3600, "answers to requests of long ago do not stay"),
    HouseJob("running.tasks.finish_endings", 2, "flows that have ended are emptied"),
    HouseJob("running.tasks.purge_deleted", 5, "the people of deleted flows, and their story, go"),
    HouseJob("running.tasks.roll_up_counts", 10, "the counts of a flow are read in constant time"),
    HouseJob("running.tasks.look_for_stuck_flows", 60, "a flow that stands still is told to the operators"),
    HouseJob("running.heartbeat.default", 5, "/readyz: beat sends and a worker of `default` runs"),
    HouseJob("running.heartbeat.engine", 5, "/readyz: a worker of `engine` runs"),
    HouseJob("running.heartbeat.delivery", 5, "/readyz: a worker of `delivery` runs"),
    HouseJob("running.heartbeat.bulk", 5, "/readyz: a worker of `bulk` runs"),
)

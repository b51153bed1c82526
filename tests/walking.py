"""How tests let people walk through a flow, and hold the counts against the rows."""

from collections import Counter

from flows.models import Flow
from participants import engine, statistics
from participants.models import Participant, StepLog
from tests.make import steps_of


def walk(flow: Flow) -> None:
    """Advance until nobody is due."""
    while engine.advance(flow.account_id, flow.pk, seconds=30):
        pass


def stories(flow: Flow) -> dict[int, list[str]]:
    """Per participant the kinds of steps passed and the last status."""
    kinds = {step.pk: step.kind for step in steps_of(flow)} | {0: "queue"}
    told: dict[int, list[str]] = {}
    for entry in StepLog.objects.filter(flow_id=flow.pk).order_by("participant_id", "hop"):
        told.setdefault(entry.participant_id, []).append(kinds[entry.step_id])
    return told


def check_counts(flow: Flow) -> statistics.FlowCounts:
    """The counts of a flow, after holding them against the rows (invariant I5)."""
    counts = statistics.counts([flow.pk])[flow.pk]
    rows = list(Participant.objects.filter(flow=flow).values_list("status", "step_id"))
    assert counts.enrolled == len(rows)
    for status in ("active", "finished", "finished_with_success", "dropped_out", "cancelled"):
        assert getattr(counts, status) == sum(row[0] == status for row in rows), status
    on = {step_id: place["on"] for step_id, place in statistics.standing(flow.pk).items() if place["on"]}
    standing: dict[int, int] = {}
    for status, step_id in rows:
        if status == "active":
            standing[step_id or 0] = standing.get(step_id or 0, 0) + 1
    assert on == standing
    went = StepLog.objects.filter(flow_id=flow.pk, branch_id__isnull=False)
    took = {branch_id: n for branch_id, n in statistics.taken(flow.pk).items() if n}
    assert took == Counter(went.values_list("branch_id", flat=True))
    return counts

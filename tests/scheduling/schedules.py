"""Short ways to write recurrences and moments in tests."""

from datetime import UTC, datetime
from typing import Any

from scheduling.recurrence import Recurrence, Run

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def settings(**given: Any) -> dict[str, Any]:
    """The JSON of a recurrence: daily at 15:00 in Oslo where `given` says nothing else."""
    return {"frequency": "daily", "times": ["15:00"], "time_zone": "Europe/Oslo", **given}


def recurrence(**given: Any) -> Recurrence:
    """The recurrence of `settings(**given)`."""
    return Recurrence.parse(settings(**given))


def utc(text: str) -> datetime:
    """An aware moment from "2027-01-31T14:59" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local_times(runs: list[Run]) -> list[str]:
    """What the wall clock shows at each run, as "2027-01-31 15:00"."""
    return [run.local.strftime("%Y-%m-%d %H:%M") for run in runs]


def instants(runs: list[Run]) -> list[str]:
    """The runs in UTC, as "2027-01-31 14:00"."""
    return [run.at.strftime("%Y-%m-%d %H:%M") for run in runs]

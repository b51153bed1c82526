"""What time it is: the database's time; with `settings.TEST_CLOCK` moved by one offset for all processes."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

REAL = "select now()"
MOVABLE = """
    select now() + coalesce((select "offset" from scheduling_clockoffset where id = 1), interval '0')
"""
SET = """
    insert into scheduling_clockoffset (id, "offset") values (1, {offset})
    on conflict (id) do update set "offset" = {replaced}
"""


class ClockIsReal(RuntimeError):
    """The clock was asked to move where TEST_CLOCK is off, as in production."""


def now() -> datetime:
    """The present, in UTC. Inside a transaction it is the moment that began, so that it sees one time."""
    with connection.cursor() as cursor:
        cursor.execute(MOVABLE if settings.TEST_CLOCK else REAL)
        (moment,) = cursor.fetchone()
    return moment.astimezone(UTC)


def move_to(moment: datetime) -> None:
    """Make it `moment` (aware) now; from there the clock runs on. It may also go back."""
    if moment.tzinfo is None:
        raise ValueError("The clock needs a moment with a time zone, such as 2027-01-31T14:59:00Z.")
    _write(SET.format(offset="%s - now()", replaced="excluded.offset"), moment)


def forward(step: timedelta) -> None:
    """Let `step` pass at once. Raises OverflowError where that leaves the years 1 to 9999."""
    now() + step  # an offset that no datetime can hold would stop every process
    replaced = "scheduling_clockoffset.offset + excluded.offset"
    _write(SET.format(offset="make_interval(secs => %s)", replaced=replaced), step.total_seconds())


def reset() -> None:
    """Go back to the database's own time."""
    _write("delete from scheduling_clockoffset")


def _write(statement: str, *parameters: datetime | float) -> None:
    if not settings.TEST_CLOCK:
        raise ClockIsReal("Only a test clock can be moved: set TEST_CLOCK=1, never in production.")
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)

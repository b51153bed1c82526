"""`manage.py clock`: show or move the test clock of a development machine."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling import clock

STEP = re.compile(
    r"\+(?=\d)(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?"
)
EXAMPLES = "2027-01-31T14:59:00Z, +2d3h, reset or show"


class Command(BaseCommand):
    """Moves time for every process that shares the database."""

    help = f"Show or move the test clock (TEST_CLOCK=1 only): {EXAMPLES}."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("to", nargs="?", default="show", help=EXAMPLES)

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        """Do what `to` says and print what the clock says then."""
        try:
            move(to)
        except (clock.ClockIsReal, ValueError) as error:
            raise CommandError(str(error)) from None
        except OverflowError:
            raise CommandError(f'"{to}" is further away than the clock can go.') from None
        self.stdout.write(clock.now().isoformat(timespec="seconds"))


def move(to: str) -> None:
    """Move the clock as the words on the command line say. Raises ValueError when they say nothing."""
    if to == "show":
        return
    if to == "reset":
        clock.reset()
    elif step := STEP.fullmatch(to):
        clock.forward(timedelta(**{unit: int(count) for unit, count in step.groupdict("0").items()}))
    else:
        clock.move_to(_moment(to))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no moment and no step. Write one of: {EXAMPLES}.') from None

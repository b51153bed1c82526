"""How the engine is doing: what is due and for how long, what waits, who works, what is stuck. Changes nothing."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Account
from accounts.tenancy import every_account
from running import engine_status
from running.engine_status import Due, Status


class Command(BaseCommand):
    """For operators; the same numbers as on their page and in /metrics."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """What to show, and how."""
        parser.add_argument("what", choices=["status"])
        parser.add_argument("--account", help="the slug of one account")
        parser.add_argument("--json", action="store_true", help="for programs: seconds, and moments in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, and write it down."""
        account = None
        if options["account"] is not None:
            with every_account():
                account = Account.objects.filter(slug=options["account"]).first()
            if account is None:
                raise CommandError(f"There is no account {options['account']}.")
        found = engine_status.status(account)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), indent=2, default=_plain))
        else:
            self.stdout.writelines(f"{line}\n" for line in _lines(found))


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    assert isinstance(value, datetime)
    return value.isoformat()


def _lines(found: Status) -> Iterator[str]:
    yield f"at {found.at:%Y-%m-%d %H:%M:%S} UTC"
    yield from _due(found)
    yield from _waiting(found)
    yield from _working(found)
    if not found.stuck:
        yield "stuck: nobody has looked in the last ten minutes" if found.stuck is None else "stuck: none"
    yield from _table("STUCK: the same person is due for the longest", found.stuck or [])


def _due(found: Status) -> Iterator[str]:
    if found.flows:
        people = _count(found.due, found.is_due_capped)
        yield f"{people} people due in {found.flows_due} flows, the oldest for {_length(found.behind)}"
    else:
        yield "nobody is due"
    yield from _table("flows, the longest due first", found.flows, of=found.flows_due)
    yield from _table("accounts, the most people first", found.accounts, of=found.accounts_due)


def _waiting(found: Status) -> Iterator[str]:
    yield ""
    for name, n in found.waiting.items():
        yield f"{name.replace('_', ' '):<24}{_count(n, n >= engine_status.MOST_COUNTED):>10}"
    if found.oldest_event_at:
        yield f"{'oldest event':<24}{_length(found.at - found.oldest_event_at):>10}"
    if found.latest_run_late is not None:
        yield f"{'latest run was late':<24}{_length(found.latest_run_late):>10}"
    yield ""


def _working(found: Status) -> Iterator[str]:
    for queue, is_alive in (found.workers or {}).items():
        hints = "?" if found.queues is None else found.queues[queue]
        yield f"worker {queue:<17}{'alive' if is_alive else 'NO SIGN OF LIFE':>10}, {hints} hints wait"
    if found.workers is None:
        yield "workers and queues: Redis does not answer"
    yield ""


def _table(title: str, rows: list[Due], of: int = 0) -> Iterator[str]:
    if not rows:
        return
    yield f"\n{title}"
    for each in rows:
        flow = f"flow {each.flow}" if each.flow else ""
        people = _count(each.due, each.is_capped)
        yield f"  {each.account:<24}{flow:<14}{people:>8} due, oldest for {_length(each.behind)}"
    if of > len(rows):
        yield f"  and {of - len(rows)} more"


def _count(n: int, is_capped: bool) -> str:
    return f"{n}+" if is_capped else str(n)


def _length(length: timedelta | None) -> str:
    """Whole seconds, as 0:01:05 or 2 days, 0:00:00."""
    return "-" if length is None else str(timedelta(seconds=int(length.total_seconds())))

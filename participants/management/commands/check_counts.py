"""Hold the counts of flows against the rows that they count, and say where they differ. Safe to run at any time."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.history import NotAllowed
from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from flows.models import Flow
from participants import counting


class Command(BaseCommand):
    """For operators who want to know, and for tests."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Which flows, and whether to put them right."""
        parser.add_argument("--account", help="the slug of one account")
        parser.add_argument("--flow", type=int, help="the id of one flow")
        parser.add_argument("--repair", action="store_true", help="put wrong counts right; nobody moves meanwhile")

    def handle(self, *args: Any, **options: Any) -> None:
        """Account by account; fails when a count was wrong and is not repaired."""
        with every_account():
            accounts = list(Account.objects.order_by("pk").values_list("pk", "slug"))
        if options["account"] is not None:
            accounts = [each for each in accounts if each[1] == options["account"]]
            if not accounts:
                raise CommandError(f"There is no account {options['account']}.")
        if options["flow"] is not None:
            accounts = [each for each in accounts if _has_flow(each[0], options["flow"])]
            if not accounts:
                raise CommandError(f"There is no flow {options['flow']}.")
        self._busy: list[int] = []
        wrong = sum(self._check(account_id, slug, options["flow"], options["repair"]) for account_id, slug in accounts)
        if wrong and not options["repair"]:
            raise CommandError(f"{wrong} counts are wrong. With --repair they are put right.")
        if self._busy:
            busy = ", ".join(map(str, self._busy))
            raise CommandError(f"{wrong} counts were put right. Not those of busy flows: {busy}. Try again for these.")
        self.stdout.write(f"{wrong} counts were put right." if wrong else "Every count is the number of its rows.")

    def _check(self, account_id: int, slug: str, flow_id: int | None, mend: bool) -> int:
        with account_scope(account_id):
            found = counting.differences(flow_id)
        if mend:
            flows = sorted({each.flow_id for each in found})
            found = [each for wrong in flows for each in self._repair(account_id, wrong)]
        for each in found:
            self.stdout.write(f"{slug}: {each}")
        return len(found)

    def _repair(self, account_id: int, flow_id: int) -> list[counting.Difference]:
        """A flow whose lock cannot be had keeps no other from being put right."""
        try:
            return counting.repair(account_id, flow_id)
        except NotAllowed:
            self._busy.append(flow_id)
            return []


def _has_flow(account_id: int, flow_id: int) -> bool:
    with account_scope(account_id):
        return Flow.objects.filter(pk=flow_id).exists()

"""Hold the size of every list against its entries, and say where they differ. Safe to run at any time."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from records import list_sizes


class Command(BaseCommand):
    """For operators who want to know, and for tests."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Account by account; fails when one list is wrong."""
        with every_account():
            accounts = list(Account.objects.order_by("pk").values_list("pk", "slug"))
        wrong = 0
        for account_id, slug in accounts:
            with account_scope(account_id):
                found = list_sizes.wrong()
            for list_id, size, entries in found:
                self.stdout.write(f"{slug}: list {list_id} says {size} and has {entries} entries")
            wrong += len(found)
        if wrong:
            raise CommandError(f"{wrong} lists are wrong.")
        self.stdout.write("Every list has the size that it says.")

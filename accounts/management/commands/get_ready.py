"""Everything a development machine needs before its first page, in one process: tables, house jobs, demo account."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """What `dev.py up` runs before it starts the web server. Safe to run again: data stays."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the login goes."""
        parser.add_argument("--credentials", type=Path, required=True, help="where to write the demo login")

    def handle(self, *args: Any, **options: Any) -> None:
        """One after the other; the first that fails stops the rest."""
        call_command("prepare_database")
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        call_command("compile_translations")
        call_command("sync_beat")
        call_command("make_demo", credentials=options["credentials"])

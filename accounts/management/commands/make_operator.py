"""Let somebody see the operators' page, or no longer: how the engine is doing, across accounts. It opens no account."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User


class Command(BaseCommand):
    """For whoever runs the installation."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom."""
        parser.add_argument("email", help="the address they log in with")
        parser.add_argument("--off", action="store_true", help="take it back")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it down on the person."""
        person = User.objects.filter(email=options["email"].strip().lower()).first()
        if person is None:
            raise CommandError(f"Nobody logs in with {options['email']}.")
        person.is_staff = not options["off"]
        person.save(update_fields=["is_staff"])
        self.stdout.write(f"{person.email} {'sees' if person.is_staff else 'no longer sees'} /operators/.")

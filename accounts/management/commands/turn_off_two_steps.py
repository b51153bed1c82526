"""Let somebody who has lost phone and recovery codes log in with the password alone again."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User


class Command(BaseCommand):
    """For the operator, who has made sure that it is them who ask."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom."""
        parser.add_argument("email", help="the address they log in with")

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove the app and the codes; the next login asks for the password only."""
        person = User.objects.filter(email=options["email"].strip().lower()).first()
        if person is None:
            raise CommandError(f"Nobody logs in with {options['email']}.")
        removed, _rows = Authenticator.objects.filter(user=person).delete()
        self.stdout.write(f"{person.email}: two-step login is {'off now' if removed else 'off already'}.")

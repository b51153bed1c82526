"""Open an account with its first owner: the operator's way in on a new installation."""

import secrets
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import User
from accounts.sign_in import confirm_address
from records import phones
from web.opening import find_person, open_account


class Command(BaseCommand):
    """Someone who can sign in already becomes the owner and keeps their password."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """The account's name and its owner."""
        parser.add_argument("name", help="what the account is called")
        parser.add_argument("--email", required=True, help="the owner's address")
        parser.add_argument("--password", help="the owner's password; one is made and shown when left out")
        parser.add_argument("--slug", default="", help="the account's part of every address; made from the name")
        parser.add_argument(
            "--country",
            default="",
            help="where phone numbers without a country code belong, such as NO; none if left out",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Open it, or say what is wrong and leave nothing behind."""
        country = phones.region(options["country"]) or ""
        if options["country"] and not country:
            raise CommandError(f"{options['country']} is no country: give its two letters, such as NO.")
        try:
            owner = find_person(options["email"])
            if owner and options["password"]:
                raise CommandError(f"{owner.email} has a password already: leave --password out.")
            password = options["password"] or secrets.token_urlsafe(12)
            is_new = owner is None
            owner = owner or _make_owner(options["email"], password)
            account = open_account(options["name"], owner, slug=options["slug"], country=country)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"Account “{account.name}”: /{account.slug}/, owner {owner.email}.")
        if is_new and not options["password"]:
            self.stdout.write(f"Password: {password}")


def _make_owner(email: str, password: str) -> User:
    validate_password(password, User(email=email))
    owner = User.objects.create_user(email, password)
    confirm_address(owner)  # the operator vouches for it
    return owner

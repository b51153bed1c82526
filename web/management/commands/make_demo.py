"""The demo account of a development machine, and a file that says how to get in."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.urls import reverse

from accounts import sign_in
from accounts.actors import Actor
from accounts.models import Account, ApiKey, User
from accounts.rights import Role
from accounts.tenancy import account_scope, every_account
from scheduling.clock import now
from web import example
from web.opening import open_account

NAME, SLUG = "Havrevik Friluft", "havrevik"
EMAIL, PERSON = "demo@flyt.example", "Åsa Lindqvist"
KEY_NAME = "Demo"


class Command(BaseCommand):
    """Made once; the data stays. A login whose file is lost, or belongs to another database, is made anew."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the login goes."""
        parser.add_argument("--credentials", type=Path, required=True, help="JSON, readable by its owner only")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing. The old file goes first: a file that is there is always right."""
        path: Path = options["credentials"]
        with every_account():
            account = Account.objects.filter(slug=SLUG).first()
        if not account or not _fits(path, account):
            account = _renew(path, account)
        if example.fill(account.pk, by=_owner(account)):
            self.stdout.write("An example is in it: people, e-mails and three flows.")
        self.stdout.write(f"Demo account /{SLUG}/: its login is in {path}.")


def _owner(account: Account) -> Actor:
    """Who the example is from: the demo person, while a member."""
    person = User.objects.filter(email=EMAIL).first()
    found = person and sign_in.member_actor(person, account.slug)
    return found[1] if found else Actor.flyt(account.pk)


def _renew(path: Path, account: Account | None) -> Account:
    try:
        path.unlink(missing_ok=True)
        account, credentials = _make(account)
        _write(path, credentials)
    except OSError as error:
        raise CommandError(f"Cannot write {path}: {error.strerror}.") from None
    return account


def _fits(path: Path, account: Account) -> bool:
    """True when the file is whole and its key is one of this database."""
    try:
        key = json.loads(path.read_text())["api_key"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    with account_scope(account.pk):
        return ApiKey.objects.filter(digest=sign_in.digest(str(key))).exists()


@transaction.atomic
def _make(account: Account | None) -> tuple[Account, dict[str, str]]:
    """The account where it is missing, a new password for its owner and a new key; and what the file says."""
    password = secrets.token_urlsafe(12)
    owner = User.objects.filter(email=EMAIL).first() or User.objects.create_user(EMAIL, name=PERSON)
    owner.set_password(password)
    owner.save(update_fields=["password"])
    sign_in.confirm_address(owner)
    account = account or open_account(NAME, owner, slug=SLUG, country="NO", is_demo=True)
    with account_scope(account.pk):
        ApiKey.objects.filter(name=KEY_NAME, revoked_at=None).update(revoked_at=now())
        _key, secret = sign_in.make_key(KEY_NAME, Role.ADMIN, by=owner)
    return account, {
        "address": reverse("web:flows", args=[account.slug]),
        "account": account.slug,
        "email": owner.email,
        "password": password,
        "api_key": secret,
    }


def _write(path: Path, credentials: dict[str, str]) -> None:
    """Never readable by others, never half there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(credentials, file, indent=1)
    os.replace(draft, path)

"""Opening an account, and what may change about it later: its name, its part of every address, zone and language."""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.history import record
from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope, every_account
from messaging.models import SubscriptionType
from records.schema import ensure_object_types

# First parts of addresses that are no account's: web/urls.py, web/person_urls.py and config/urls.py.
RESERVED: Final = frozenset(
    {"api", "c", "u", "healthz", "readyz", "metrics", "static", "login", "logout", "signup", "password", "email", "me"}
    | {"invitations", "operators", "admin", "account", "accounts", "new", "help", "settings"}
)
DEFAULT_SUBSCRIPTION: Final = "Newsletter"
AT_ONCE: Final = 10
SPELT: Final = str.maketrans({"æ": "ae", "ø": "o", "ß": "ss", "ð": "d", "þ": "th", "đ": "d", "ł": "l", "œ": "oe"})


@transaction.atomic
def open_account(
    name: str,
    owner: User,
    *,
    slug: str = "",
    time_zone: str = "Europe/Oslo",
    language: str = "en",
    country: str = "",
    is_demo: bool = False,
) -> Account:
    """A new account with `owner` in charge, the built-in object types and one subscription type.

    `slug` is the account's part of every address; made from the name when empty. `country`: where phone numbers
    without a country code belong; none when empty. Raises ValidationError when the name is empty, or the slug is none,
    reserved or taken.
    """
    name = name.strip()
    if not name:
        raise ValidationError(_("Write a name for the account."))
    settled = {"time_zone": time_zone, "language": language or "en", "country": country}
    account = _make(name, slug, **settled, is_demo=is_demo)
    with account_scope(account.pk):
        Member.objects.create(user=owner, role=Role.OWNER)
        ensure_object_types()
        SubscriptionType.objects.create(name=DEFAULT_SUBSCRIPTION)
        by = Actor(account_id=account.pk, role=Role.OWNER, name=str(owner), user_id=owner.pk)
        record(account, "opened", by=by, detail={"name": name, "slug": account.slug})
    return account


def change_account(account: Account, *, by: Actor, **wanted: str) -> Account:
    """Set name, slug, time_zone, country or language. A new slug ends every old address. Raises ValidationError."""
    changes = {field: value for field, value in wanted.items() if getattr(account, field) != value}
    if not changes:
        return account
    if "slug" in changes:
        _check_slug(changes["slug"])
    try:
        with account_scope(account.pk):
            Account.objects.filter(pk=account.pk).update(**changes)
            detail = {field: {"from": getattr(account, field), "to": value} for field, value in changes.items()}
            record(account, "changed", by=by, detail=detail)
    except IntegrityError:
        raise ValidationError(_taken(changes["slug"])) from None
    for field, value in changes.items():
        setattr(account, field, value)
    return account


def find_person(email: str) -> User | None:
    """The person who signs in with that address. Raises ValidationError when it is no address."""
    validate_email(email.strip())
    return User.objects.filter(email=email.strip().lower()).first()


def _make(name: str, slug: str, **fields: Any) -> Account:
    """The account's row. Of two accounts that ask for one free slug at once, the later gets the next number."""
    with every_account():
        for _attempt in range(AT_ONCE):
            try:
                with transaction.atomic():
                    return Account.objects.create(name=name, slug=_free_slug(name, slug), **fields)
            except IntegrityError:
                continue
    raise ValidationError(_("Other accounts of that name are being made. Try again."))


def _check_slug(wanted: str) -> None:
    if slugify(wanted) != wanted or wanted in RESERVED:
        raise ValidationError(_("“%s” cannot be part of an address. Use other letters and digits.") % wanted)


def _taken(wanted: str) -> str:
    return _("“%s” is another account's address. Choose another.") % wanted


def _free_slug(name: str, wanted: str) -> str:
    """The wanted slug if it may be had; else the name's, with a number when it is taken."""
    if wanted:
        _check_slug(wanted)
        if Account.objects.filter(slug=wanted).exists():
            raise ValidationError(_taken(wanted))
        return wanted
    base = slugify(name.lower().translate(SPELT))[:50] or "account"
    taken = {*RESERVED, *Account.objects.filter(slug__startswith=base).values_list("slug", flat=True)}
    numbered = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken) + 2))
    return next(slug for slug in numbered if slug not in taken)

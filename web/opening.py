"""Opening an account: what a new tenant has from its first moment."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope, every_account
from messaging.models import SubscriptionType
from records.schema import ensure_object_types

# First parts of addresses that are no account's: web/urls.py and config/urls.py.
RESERVED = frozenset(
    {"api", "c", "u", "healthz", "readyz", "static", "login", "logout", "admin", "account", "accounts"}
)
DEFAULT_SUBSCRIPTION = "Newsletter"


@transaction.atomic
def open_account(name: str, owner: User, *, slug: str = "", is_demo: bool = False) -> Account:
    """A new account with `owner` in charge, the built-in object types and one subscription type.

    `slug` is the account's part of every address; made from the name when empty. Raises ValidationError when the
    name is empty, or the slug is none, reserved or taken.
    """
    name = name.strip()
    if not name:
        raise ValidationError(_("Write a name for the account."))
    with every_account():
        account = Account.objects.create(name=name, slug=_free_slug(name, slug), is_demo=is_demo)
    with account_scope(account.pk):
        Member.objects.create(user=owner, role=Role.OWNER)
        ensure_object_types()
        SubscriptionType.objects.create(name=DEFAULT_SUBSCRIPTION)
    return account


def find_person(email: str) -> User | None:
    """The person who signs in with that address. Raises ValidationError when it is no address."""
    validate_email(email.strip())
    return User.objects.filter(email=email.strip().lower()).first()


def _free_slug(name: str, wanted: str) -> str:
    """The wanted slug if it may be had; else the name's, with a number when it is taken."""
    if wanted:
        if slugify(wanted) != wanted or wanted in RESERVED:
            raise ValidationError(_("“%s” cannot be part of an address. Use other letters and digits.") % wanted)
        if Account.objects.filter(slug=wanted).exists():
            raise ValidationError(_("“%s” is another account's address. Choose another.") % wanted)
        return wanted
    base = slugify(name)[:50] or "account"
    taken = {*RESERVED, *Account.objects.filter(slug__startswith=base).values_list("slug", flat=True)}
    numbered = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken) + 2))
    return next(slug for slug in numbered if slug not in taken)

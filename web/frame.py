"""What every page's frame shows: the account, the person's accounts, and the places to go. Links that work only."""

from typing import Any, NamedTuple, cast

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import sign_in
from accounts.actors import Actor
from accounts.models import Account, User
from accounts.rights import NEEDS, Right
from scheduling.clock import now


class Place(NamedTuple):
    """A link of the frame."""

    name: str  # of the view; a page under it says so with `place`
    icon: str
    label: Any
    right: Right = Right.SEE


PLACES = (
    Place("flows", "flow", _("Flows")),
    Place("records", "person", _("Records")),
    Place("lists", "list", _("Lists")),
    Place("contents", "mail", _("Contents")),
    Place("imports", "upload", pgettext_lazy("noun", "Import")),
)
FOOT = (Place("account_settings", "settings", _("Settings"), Right.ADMINISTER),)
INBOX = (Place("inbox", "inbox", _("Local inbox")),)


def context(request: HttpRequest) -> dict[str, Any]:
    """The frame's part of every template's context. Nothing is asked of the database before a template uses it."""
    account: Account | None = getattr(request, "account", None)
    if account is None:
        return {}
    actor: Actor = cast(Any, request).actor
    user = cast(User, request.user)
    return {
        "account": account,
        "actor": actor,
        "may": {right.value: actor.may(right) for right in Right},
        "needs": {right.value: text for right, text in NEEDS.items()},
        "own_accounts": SimpleLazyObject(lambda: sign_in.accounts_of(user)),
        "places": _links(PLACES, account, actor),
        "foot_places": _foot(account, actor),
        "present": SimpleLazyObject(now),
    }


def _foot(account: Account, actor: Actor) -> list[dict[str, Any]]:
    """Settings lead whoever may change no more than the kinds of records and their properties straight to those."""
    links = _links(INBOX + FOOT if settings.INBOX_DIR else FOOT, account, actor)
    if not actor.may(Right.ADMINISTER) and actor.may(Right.EDIT_SCHEMA):
        links[-1] |= {"url": reverse("web:properties", args=[account.slug]), "refusal": ""}
    return links


def _links(places: tuple[Place, ...], account: Account, actor: Actor) -> list[dict[str, Any]]:
    """Where a right lacks, the link says which (`refusal`) instead of leading to a refusal."""
    return [
        {
            **place._asdict(),
            "url": reverse(f"web:{place.name}", args=[account.slug]),
            "refusal": "" if actor.may(place.right) else NEEDS[place.right],
        }
        for place in places
    ]

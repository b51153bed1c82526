"""A content and a record become a subject, HTML and text; and what is wrong with a content, said when it is saved."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final, NamedTuple

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Account
from accounts.tenancy import current_account_id
from records.models import Record
from scheduling.clock import now

from . import markup, merging
from .merging import MergeError
from .models import Content

FIELDS: Final[dict[str, Promise]] = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("Preheader"),
    "html": gettext_lazy("HTML"),
    "text": gettext_lazy("Text"),
}
# Names that merge fields have of their own: a property called so is reached through `record`.
OWN_NAMES: Final = frozenset({"record", "contact", "account", "unsubscribe_url", "now", "today", "time_zone"})
SYSTEM_NAMES: Final = frozenset({"id", "external_id"})  # of every record, beside its properties
PREHEADER = (
    '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all">{words}{filler}</div>'
)
# Without it, mail programs fill the preview line up with the first words of the message.
FILLER = "&#847;&zwnj;&nbsp;" * 60
FOOTER = (
    '<p style="margin:24px 0 0;font-size:12px;line-height:18px;text-align:center;color:#6b7280">{name} &middot; '
    '<a href="{address}" style="color:#6b7280">{words}</a></p>'
)
UNSEEN = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")


class RenderingFailed(Exception):
    """A content that cannot be rendered for a record. The text says what to change."""


class Error(NamedTuple):
    """What is wrong with a field of a content."""

    field: str
    message: str


@dataclass(frozen=True)
class Links:
    """Where the links of a message lead: `click` turns an address into one that is counted."""

    click: Callable[[str], str]
    unsubscribe_url: str


@dataclass(frozen=True)
class Rendered:
    """What leaves: the subject in one line, HTML (empty for a text-only message) and text.

    The preheader stands in the HTML already; it is here for those who show the message as an inbox would.
    """

    subject: str
    html: str
    text: str
    preheader: str = ""


def check(content: Content) -> list[Error]:
    """What is wrong with the merge fields of a content, field by field. Empty when it may be saved."""
    errors = []
    for field in FIELDS:
        try:
            merging.parse(getattr(content, field), escape=field == "html")
        except MergeError as error:
            errors.append(Error(field, str(error)))
    return errors


def render(content: Content, record: Record, *, links: Links, contact: Record | None = None) -> Rendered:
    """What a person gets to read, in the account's language where Flyt adds words. Raises `RenderingFailed`.

    `record` is the flow's own, `contact` the person where that is somebody else: in a flow of deals the deal and its
    primary contact. Merge fields: `{{ record.amount }}`, `{{ amount }}`, `{{ contact.first_name }}`,
    `{{ account.name }}`, `{{ unsubscribe_url }}`. Values are escaped in the HTML and as they are elsewhere.
    """
    account = Account.objects.get(pk=current_account_id())
    with translation.override(account.language):
        values = _values(record, contact or record, account, links)
        subject, preheader, html, text = (_merge(content, field, values) for field in FIELDS)
        if not (html.strip() or text.strip()):
            raise RenderingFailed(_("The message is empty."))
        html, made_text = _finish_html(html, preheader, account, links) if html.strip() else ("", "")
        text = _finish_text(text, links) if text.strip() else made_text
    subject, preheader = (UNSEEN.sub(" ", each).strip() for each in (subject, preheader))
    return Rendered(subject=subject, html=html, text=text, preheader=preheader)


def _values(record: Record, contact: Record, account: Account, links: Links) -> dict[str, object]:
    """What merge fields can name. A property never hides one of our own names."""
    properties = _properties(record)
    moment = now()
    return {
        **properties,
        "record": properties,
        "contact": _properties(contact),
        "account": {"name": account.name},
        "unsubscribe_url": links.unsubscribe_url,
        "now": moment,
        "today": moment,
        "time_zone": account.time_zone,
    }


def _properties(record: Record) -> dict[str, object]:
    return {**record.properties, "id": record.pk, "external_id": record.external_id}


def _merge(content: Content, field: str, values: dict[str, object]) -> str:
    try:
        return merging.merge(getattr(content, field), values, escape=field == "html")
    except MergeError as error:
        raise RenderingFailed(f"{FIELDS[field]}: {error}") from error


def _finish_html(html: str, preheader: str, account: Account, links: Links) -> tuple[str, str]:
    """The whole HTML with preheader and a way to unsubscribe, and its text."""
    opening, body = markup.clean(html, _counted(links))
    if links.unsubscribe_url not in body:
        body += FOOTER.format(name=escape(account.name), address=escape(links.unsubscribe_url), words=_("Unsubscribe"))
    hidden = PREHEADER.format(words=escape(preheader.strip()), filler=FILLER) if preheader.strip() else ""
    closing = "</body></html>" if opening else ""
    return f"{opening}{hidden}{body}{closing}", markup.text_of(body)


def _finish_text(text: str, links: Links) -> str:
    text = markup.link_text(text.strip(), _counted(links))
    if links.unsubscribe_url in text:
        return text
    return "{}\n\n{}: {}".format(text, _("Unsubscribe"), links.unsubscribe_url)


def _counted(links: Links) -> Callable[[str], str]:
    return lambda address: address if address == links.unsubscribe_url else links.click(address)

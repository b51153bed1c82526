"""A content as one record will see it: in an isolated frame, with its subject and preheader as an inbox shows them."""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from redis.exceptions import RedisError

from flows.models import Flow
from messaging import audience, rendering
from messaging.models import Content
from messaging.rendering import OWN_NAMES, Rendered, RenderingFailed
from messaging.tracking import trial_links
from records.models import ObjectType, Property, PropertyType, Record
from web.access import AccountRequest, account_view
from web.content_forms import flow_of, outbox_of, put, visible_contents
from web.mailbox import framed
from web.paging import read_id
from web.record_rows import OFFERED, clean, records_of
from web.security import HEADER, PREVIEW
from web.templatetags.ui import record_name

logger = logging.getLogger(__name__)

KEPT: Final = 60 * 60  # seconds that a draft is kept for its frame
SAID: Final = ("subject", "preheader", "html", "text")
NOBODY: Final = "0"  # a record of which nothing is known


@dataclass(frozen=True)
class Preview:
    """What the preview shows. `digest` tells whether anything is new; `problem` why it cannot be shown."""

    record: Record
    name: str
    rendered: Rendered | None
    problem: str
    digest: str
    frame: str  # the address of the letter; empty without HTML


@dataclass(frozen=True)
class MergeField:
    """Something to put in at the cursor."""

    label: str
    code: str


@account_view()
@require_POST
def preview(request: AccountRequest, content_id: int) -> HttpResponse:
    """What is typed, as another record will see it."""
    content = get_object_or_404(visible_contents(request), pk=content_id)
    return render(request, "contents/_seen.html", context_of(request, put(request, content), flow_of(content)))


@account_view()
@require_GET
def people(request: AccountRequest, content_id: int) -> HttpResponse:
    """Records to look through the eyes of, found by `?search=`."""
    content = get_object_or_404(visible_contents(request), pk=content_id)
    search = clean(request.GET.get("search"))
    return render(request, "contents/_people.html", {"content": content, "offered": offered(flow_of(content), search)})


@account_view()
@require_GET
def letter(request: AccountRequest, content_id: int) -> HttpResponse:
    """The HTML for the sandboxed frame: no scripts, no forms, no origin."""
    content = get_object_or_404(visible_contents(request), pk=content_id)
    if draft := _kept(request, content, request.GET.get("draft", "")):
        for name, value in draft.items():
            setattr(content, name, value)
    flow = flow_of(content)
    try:
        rendered = _rendered(content, chosen_record(request, flow), flow)
    except RenderingFailed:
        raise Http404 from None
    response = HttpResponse(framed(rendered.html))
    response[HEADER] = PREVIEW
    return response


def context_of(request: AccountRequest, content: Content, flow: Flow | None) -> dict[str, Any]:
    """What the preview's templates need: `content` may be as typed."""
    return {
        "content": content,
        "preview": _preview(request, content, flow),
        "offered": offered(flow, ""),
        "sender": outbox_of(content, flow),
    }


def merge_fields(flow: Flow | None) -> list[MergeField]:
    """What can be put in: the properties of the flow's record, of the person, and what every message knows."""
    object_type = _object_type(flow)
    properties = Property.objects.filter(object_type=object_type, archived_at=None).order_by("pk")
    is_person = object_type is None or object_type.key == audience.PERSON
    theirs = Property.objects.filter(object_type__key=audience.PERSON, archived_at=None).order_by("pk")
    return [
        *(MergeField(each.label, _code(each)) for each in properties),
        *(
            MergeField(_("Contact: %(property)s") % {"property": each.label}, _code(each, "contact."))
            for each in (() if is_person else theirs)
        ),
        MergeField(_("Name of the account"), "{{ account.name }}"),
        MergeField(_("Address to unsubscribe"), "{{ unsubscribe_url }}"),
    ]


def offered(flow: Flow | None, search: str) -> list[Record]:
    """A few records to choose from."""
    object_type = _object_type(flow)
    return list(records_of(object_type, search).order_by("pk")[:OFFERED]) if object_type else []


def _code(property: Property, whose: str = "") -> str:
    name = f"{whose or ('record.' if property.key in OWN_NAMES else '')}{property.key}"
    if property.type in (PropertyType.DATE, PropertyType.DATETIME):
        return f'{{{{ {name} | date: "%d.%m.%Y" }}}}'
    return f'{{{{ {name} | default: "" }}}}'


def _object_type(flow: Flow | None) -> ObjectType | None:
    return flow.object_type if flow else ObjectType.objects.filter(key="contact").first()


def chosen_record(request: AccountRequest, flow: Flow | None) -> Record:
    """The record that the request names, else the first; somebody of whom nothing is known where there is none."""
    given = request.POST.get("record") or request.GET.get("record")
    object_type = _object_type(flow)
    blank = Record(object_type=object_type, properties={})
    if given == NOBODY or object_type is None:
        return blank
    found = records_of(object_type)
    named = found.filter(pk=read_id(given) or 0).first()
    return named or found.order_by("pk").first() or blank


def _preview(request: AccountRequest, content: Content, flow: Flow | None) -> Preview:
    record = chosen_record(request, flow)
    name = record_name(record) if record.pk else _("Someone of whom nothing is known")
    try:
        rendered, problem = _rendered(content, record, flow), ""
    except RenderingFailed as error:
        rendered, problem = None, str(error)
    digest = hashlib.sha256(repr((record.pk, rendered, problem)).encode()).hexdigest()[:16]
    frame = ""
    if rendered and rendered.html:
        address = reverse("web:content_letter", args=[request.account.slug, content.pk])
        frame = f"{address}?record={record.pk or NOBODY}&draft={_keep(request, content)}"
    return Preview(record, name, rendered, problem, digest, frame)


def _rendered(content: Content, record: Record, flow: Flow | None) -> Rendered:
    links = trial_links(flow.outbox if flow else None)
    return rendering.render(content, record, contact=audience.person_of(record), links=links)


def _keep(request: AccountRequest, content: Content) -> str:
    """Put what is typed aside for the frame, which asks for it in a moment; empty when it is as saved.

    One place per writer and content. Without the cache the frame shows what is saved.
    """
    said = {name: getattr(content, name) for name in SAID}
    if Content.objects.filter(pk=content.pk, **said).exists():
        return ""
    token = secrets.token_urlsafe(8)
    try:
        cache.set(_place(request, content), {"token": token, **said}, KEPT)
    except (RedisError, OSError) as error:
        logger.warning("a draft is not kept: %s", type(error).__name__)
    return token


def _kept(request: AccountRequest, content: Content, token: str) -> Mapping[str, str]:
    if not token:
        return {}
    try:
        draft = cache.get(_place(request, content)) or {}
    except (RedisError, OSError) as error:
        logger.warning("a draft is not read: %s", type(error).__name__)
        return {}
    return {name: draft[name] for name in SAID} if draft.get("token") == token else {}


def _place(request: AccountRequest, content: Content) -> str:
    return f"draft:{request.account.pk}:{content.pk}:{request.user.pk}"

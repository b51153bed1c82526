"""Sending a content to somebody who works on it, as a chosen record would get it."""

import logging
from dataclasses import dataclass
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from accounts.models import Member, User
from accounts.rights import Right
from accounts.tenancy import account_scope
from messaging.models import Content
from messaging.rendering import RenderingFailed
from messaging.sending_tests import TestNotSent, compose_test, hand_over
from web import content_preview, errors
from web.access import AccountRequest, verb_view
from web.content_forms import flow_of, outbox_of, put, visible_contents
from web.mails import ACCOUNT_HEADER

logger = logging.getLogger(__name__)

MOST: Final = 20  # tests of one person
WITHIN: Final = 10 * 60  # seconds


@dataclass(frozen=True)
class Recipient:
    """A member whose address is confirmed."""

    user: User
    address: str


def recipients(user: Any) -> list[Recipient]:
    """To whom tests may go: members of the account whose address is confirmed, oneself first. Inside a scope."""
    people = {each.user_id: each.user for each in Member.objects.select_related("user").order_by("pk")}
    confirmed = set(EmailAddress.objects.filter(user__in=people, verified=True).values_list("email", flat=True))
    found = [Recipient(each, each.email) for each in people.values() if each.email in confirmed]
    return sorted(found, key=lambda each: (each.user.pk != user.pk, each.address))


@verb_view(right=Right.EDIT_CONTENT)
@require_POST
def send(request: AccountRequest, content_id: int) -> HttpResponse:
    """Send what is typed. The mail server is spoken to outside any scope."""
    with account_scope(request.account.pk):
        content = get_object_or_404(visible_contents(request), pk=content_id)
        if not _may_send(request):
            said = _("Wait a few minutes before you send the next one. Nothing was sent.")
            return errors.answer(request, 429, _("Too many tests"), said)
        to = request.POST.get("to", "")
        if to not in {each.address for each in recipients(request.user)}:
            return _refuse(request, _("Choose a member whose address is confirmed."))
        try:
            mail = _compose(request, content, to)
        except (RenderingFailed, TestNotSent) as error:
            return _refuse(request, str(error))
    try:
        hand_over(mail)
    except TestNotSent as error:
        return _refuse(request, _("The mail server did not take it: %(answer)s") % {"answer": error})
    said = _("A test is on its way to %(address)s.") % {"address": to}
    if request.htmx:
        return render(request, "contents/_sent.html", {"said": said})
    messages.success(request, said)
    return redirect("web:content", request.account.slug, content_id)


def _compose(request: AccountRequest, content: Content, to: str) -> EmailMessage:
    flow = flow_of(content)
    record = content_preview.chosen_record(request, flow)
    mail = compose_test(put(request, content), record, to=to, outbox=outbox_of(content, flow))
    mail.extra_headers[ACCOUNT_HEADER] = str(request.account.pk)
    return mail


def _refuse(request: AccountRequest, reason: str) -> HttpResponse:
    return errors.answer(request, 422, _("No test was sent"), reason)


def _may_send(request: AccountRequest) -> bool:
    """False after `MOST` tests in a while. Without the cache they are not counted."""
    key = f"tests:{request.account.pk}:{request.user.pk}"
    try:
        cache.add(key, 0, timeout=WITHIN)
        return int(cache.incr(key)) <= MOST
    except ValueError:  # it ran out between the two
        return True
    except (RedisError, OSError) as error:
        logger.warning("test sends are not counted: %s", type(error).__name__)
        return True

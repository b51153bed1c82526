"""The page of whoever runs the installation: how the engine does, across accounts. Numbers, nothing personal."""

from typing import Any, Final, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import User
from running import engine_status, heartbeat
from web import errors
from web.access import AccountRequest

WAITING: Final[dict[str, Promise]] = {
    "pending_events": _("Events whose consequences are to come"),
    "events_set_aside": _("Events whose consequences fail and are tried again"),
    "intake": _("People who are to be enrolled or to leave"),
    "intake_failing": _("Those of them for whom it fails and is tried again"),
    "messages_due": _("Messages that may leave now"),
    "messages_queued": _("Messages in the queue, also of paused flows"),
    "messages_sending": _("Messages that are being handed over"),
    "messages_unconfirmed": _("Messages that may have left: a worker was lost"),
    "failing": _("People whose step failed and is tried again"),
    "runs_open": _("Runs that are at work"),
    "schedules_due": _("Schedules whose moment has come"),
    "flows_ending": _("Flows that have ended and are being emptied"),
    "flows_deleted": _("Flows that were deleted and are being cleared away"),
}


@never_cache
@login_required
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """The whole page, or for htmx what changes in it. Nobody but staff learns that it is here."""
    if not cast(User, request.user).is_staff:
        return errors.not_found(request)
    found = engine_status.status()
    page: dict[str, Any] = {
        "status": found,
        "waiting": [(text, found.waiting[name]) for name, text in WAITING.items()],
        "more_flows": found.flows_due - len(found.flows),
        "more_accounts": found.accounts_due - len(found.accounts),
        "most": engine_status.MOST_COUNTED,
        "oldest_event": found.oldest_event_at and found.at - found.oldest_event_at,
        "queues": [
            (queue, (found.workers or {}).get(queue), (found.queues or {}).get(queue)) for queue in heartbeat.QUEUES
        ],
    }
    is_poll = bool(cast(AccountRequest, request).htmx)
    return render(request, "operators/_status.html" if is_poll else "operators/overview.html", page)

"""The first steps of an account: what is done already, told from what is there, and what comes next."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.rights import Right
from flows.models import Activation, Flow
from messaging.models import Content
from records.models import Record
from web import example
from web.access import AccountRequest, verb_view
from web.asking import ask


@verb_view(right=Right.ADMINISTER)
def remove_example(request: AccountRequest) -> HttpResponse:
    """GET asks, POST takes the example away."""
    if not request.account.is_demo:
        raise Http404
    back = reverse("web:flows", args=[request.account.slug])
    if request.method != "POST":
        return ask(
            request,
            title=_("Remove the example?"),
            text=_("Its flows, people, lists and e-mails go for good. What you have made yourself stays."),
            verb=_("Remove the example"),
            is_dangerous=True,
            back=back,
        )
    example.remove(request.account.pk, by=request.actor)
    messages.info(request, _("The example is gone."))
    return redirect(back)


def guide(account: Account) -> dict[str, Any]:
    """The steps with `is_done`, the first open one as `is_next`."""
    steps = [
        _step(
            account,
            done=Record.objects.filter(archived_at=None).exists(),
            title=_("Bring in your people"),
            text=_("From a file, by hand or through the API. Importing starts no flow."),
            verb=_("Import"),
            icon="upload",
            page="imports",
        ),
        _step(
            account,
            done=Content.objects.filter(~Q(subject="") & (~Q(html="") | ~Q(text=""))).exists(),
            title=_("Write an e-mail"),
            text=_("A subject and a few lines; names are merged in as it leaves."),
            verb=_("New e-mail"),
            icon="mail",
            page="contents",
        ),
        _step(
            account,
            done=Flow.objects.exists(),
            title=_("Build a flow"),
            text=_("Send, wait, split: step by step, from the top down."),
            verb=_("New flow"),
            icon="plus",
            page="new_flow",
        ),
        _step(
            account,
            done=Activation.objects.exists(),
            title=_("Turn it on"),
            text=_("The review says first who will come in, and when."),
            verb=_("Show the flows"),
            icon="play",
            page="flows",
        ),
    ]
    first_open = next((step for step in steps if not step["is_done"]), None)
    for step in steps:
        step["is_next"] = step is first_open
    return {"steps": steps, "done": sum(step["is_done"] for step in steps)}


def _step(account: Account, *, done: bool, title: str, text: str, verb: str, icon: str, page: str) -> dict[str, Any]:
    address = reverse(f"web:{page}", args=[account.slug])
    return {"is_done": done, "title": title, "text": text, "verb": verb, "icon": icon, "address": address}

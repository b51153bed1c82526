"""Pressing the buttons of the editor in tests."""

from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.tenancy import account_scope
from flows.document import as_document
from flows.models import Flow


def document_of(flow: Flow) -> dict[str, Any]:
    """The flow's document as it is now."""
    with account_scope(flow.account_id):
        return as_document(Flow.objects.select_related("object_type", "outbox").get(pk=flow.pk))


def send(
    client: Client, flow: Flow, place: str, *, htmx: bool = True, revision: int | None = None, **fields: Any
) -> HttpResponse:
    """Post fields to a part of the editor ("steps/7/"), by default as htmx does and from the flow as it is now."""
    if revision is None:
        revision = document_of(flow)["revision"]
    headers = {"HX-Request": "true"} if htmx else {}
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return client.post(f"/acme/flows/{flow.pk}/edit/{place}", {"revision": revision, **named}, headers=headers)  # type: ignore[return-value]


def text(response: HttpResponse) -> str:
    """What was answered."""
    return response.content.decode()

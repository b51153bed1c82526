"""What a page may do, and what it says when something goes wrong."""

import logging
import re
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client, RequestFactory

from accounts.models import Account
from accounts.tenancy import account_scope
from config import urls
from devstack.places import ROOT
from tests.make import make_flow
from web import errors

INLINE = re.compile(r"""<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|hx-on|javascript:""", re.IGNORECASE)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)


@pytest.mark.parametrize("address", ["/login/", "/acme/flows/", "/nothing/at/all/", "/acme/inbox/"])
def test_every_page_has_the_strict_policy_and_nothing_inline(
    member: Client,
    acme: Account,
    address: str,
    tmp_path: Path,
    settings,  # type: ignore[no-untyped-def]
) -> None:
    settings.INBOX_DIR = str(tmp_path)
    with account_scope(acme.pk):
        make_flow(["wait 2 days"])
    client = Client() if address == "/login/" else member
    answer = client.get(address)
    assert answer["Content-Security-Policy"] == POLICY
    assert not INLINE.search(answer.content.decode())


def test_no_template_has_inline_script_or_style() -> None:
    found = [
        (path.name, match.group())
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if (match := INLINE.search(path.read_text()))
    ]
    assert found == []


def test_the_other_headers_are_there(member: Client) -> None:
    answer = member.get("/acme/flows/")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_what_a_refused_view_wrote_is_rolled_back(acme: Account, member: Client) -> None:
    from django.http import HttpResponse

    from records.models import ObjectType
    from web.access import account_view

    @account_view()
    def writes_and_refuses(request, status: int) -> HttpResponse:  # type: ignore[no-untyped-def]
        ObjectType.objects.create(key=f"left-{status}", name="x", plural="x")
        return HttpResponse(status=status)

    request = RequestFactory().get("/")
    request.user, request.htmx = _somebody(member), False  # type: ignore[attr-defined]
    for status in (200, 399, 400, 409, 500):
        assert writes_and_refuses(request, "acme", status).status_code == status
    with account_scope(acme.pk):
        left = set(ObjectType.objects.values_list("key", flat=True))
    assert left == {"left-200", "left-399"}


def test_what_a_failing_view_wrote_is_rolled_back(acme: Account, member: Client) -> None:
    from django.http import HttpResponse

    from records.models import ObjectType
    from web.access import account_view

    @account_view()
    def writes_and_fails(request) -> HttpResponse:  # type: ignore[no-untyped-def]
        ObjectType.objects.create(key="left", name="x", plural="x")
        raise ZeroDivisionError

    request = RequestFactory().get("/")
    request.user, request.htmx = _somebody(member), False  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        writes_and_fails(request, "acme")
    with account_scope(acme.pk):
        assert not ObjectType.objects.exists()


def _somebody(client: Client):  # type: ignore[no-untyped-def]
    from accounts.models import User

    return User.objects.get(pk=client.session["_auth_user_id"])


# --- Errors -----------------------------------------------------------------------------------------------


def test_a_failure_of_ours_has_a_number_that_is_in_the_log(
    member: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("web.flows.rows_of", lambda flows: 1 / 0)
    member.raise_request_exception = False
    with caplog.at_level(logging.ERROR):
        answer = member.get("/acme/flows/?search=x")
    said = answer.content.decode()
    assert answer.status_code == 500 and "The fault is ours" in said
    number = re.search(r'class="mono">([0-9a-f]{4}-[0-9a-f]{4})<', said)
    assert number and number.group(1) in caplog.text
    assert answer["Content-Security-Policy"] == POLICY


def test_a_failure_of_ours_is_a_toast_for_htmx(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.search.clean", lambda text: 1 / 0)
    member.raise_request_exception = False
    answer = member.get("/acme/search/?q=flow", HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer["HX-Retarget"]) == (500, "#toasts")
    assert "<html" not in answer.content.decode()


def test_the_page_of_a_failure_needs_no_database(rf: RequestFactory) -> None:
    answer = errors.server_error(rf.get("/acme/flows/"))
    assert answer.status_code == 500 and "The fault is ours" in answer.content.decode()


def test_a_broken_request_is_a_page(rf: RequestFactory) -> None:
    assert errors.bad_request(rf.get("/"), SuspiciousOperation()).status_code == 400


def test_a_request_that_is_too_large_is_413(member: Client, settings) -> None:  # type: ignore[no-untyped-def]
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    answer = member.post("/login/", {"login": "x" * 100})
    assert answer.status_code == 413 and "too large" in answer.content.decode()


def test_an_unknown_host_is_a_page(db: None) -> None:
    assert Client().get("/login/", headers={"host": "evil.example"}).status_code == 400


def test_an_unknown_address_under_the_api_is_answered_in_json(db: None) -> None:
    answer = Client().get("/api/v1/nothing/")
    assert answer.status_code == 404 and "json" in answer["Content-Type"]


def test_a_failure_under_the_api_is_answered_in_json(rf: RequestFactory) -> None:
    answer = urls.server_error(rf.get("/api/v1/flows/"))
    assert answer.status_code == 500 and "json" in answer["Content-Type"]


def test_a_refusal_names_what_stops_it(rf: RequestFactory) -> None:
    from accounts.history import NotAllowed

    answer = errors.refused(rf.get("/"), NotAllowed("busy", "The flow is busy."))
    assert answer.status_code == 409 and "The flow is busy." in answer.content.decode()

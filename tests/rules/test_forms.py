"""Every form of every page, filled with nonsense: field by field, and in all fields at once. Never a failure."""

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from django.db import transaction

from accounts.models import Account
from accounts.tenancy import account_scope
from tests.make import make_content, make_flow, make_list, steps_of

from .test_urls import OWN, PAGES, Walker, at, member, things  # noqa: F401

IN_EACH = ("x\x00y", "9" * 20)
IN_ALL = ("-1", "²", "1e400", "[[[", "a" * 5_000, "9999-12-31T23:59")
PRESSED = ("new_content", "new_list", "add_branch", "remove_value values.9", "move before-0", "remove_trigger")
KEPT = {"revision", "csrfmiddlewaretoken"}  # with a wrong one nothing else is looked at
Form = tuple[str, str]  # method and address


class Forms(HTMLParser):
    """The forms of a page with their fields, those that htmx sends included."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.found, self.named = page, dict[Form, dict[str, str]](), dict[str, Form]()
        self.present: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a form, or note a field of one."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" or "hx-post" in given:
            method = "post" if "hx-post" in given else given.get("method", "get").lower()
            form = (method, urljoin(self.page, given.get("hx-post") or given.get("action", "")))
            self.found.setdefault(form, {})
            if tag == "form":
                self.present = self.named[given.get("id", "")] = form
        if tag in ("input", "select", "textarea", "button") and given.get("name"):
            owner = self.named.get(given["form"]) if "form" in given else self.present
            if owner:
                self.found[owner].setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """Close a form."""
        if tag == "form":
            self.present = None


@pytest.fixture
def pages(acme: Account, things: dict[str, object]) -> list[str]:  # noqa: F811
    """The pages with forms: every one there is, and the editor of a flow with a step of each kind."""
    with account_scope(acme.pk):
        split = {"split": [({"all": [{"property": "city", "op": "eq", "value": "Oslo"}]}, ["wait 1 days"])]}
        kinds = [{"send_email": make_content()}, "wait 2 days", {"add_to_list": make_list()}, split]
        flow = make_flow([*kinds, {"update_record": {"city": "Oslo"}}], schedule={"frequency": "daily"})
        steps = [step.pk for step in steps_of(flow)]
    editor = [at(route, {**things, "flow_id": flow.pk}) for route in PAGES if route.endswith("/edit/trigger/")]
    editor += [f"/{acme.slug}/flows/{flow.pk}/edit/?step={step}" for step in steps]
    return [*(at(route, things) for route in (*PAGES, *OWN)), *editor, "/password/"]


def forms_on(walker: Walker, pages: list[str]) -> dict[Form, dict[str, str]]:
    """Each form once, with its fields."""
    found: dict[Form, dict[str, str]] = {}
    for page in pages:
        answer = walker.browser.get(page)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            forms = Forms(page)
            forms.feed(answer.content.decode())
            for form, fields in forms.found.items():
                found.setdefault(form, {}).update(fields)
    return {form: fields for form, fields in found.items() if form[0] != "dialog" and form[1] != "/logout/"}


def fillings(fields: dict[str, str]) -> Iterator[dict[str, str]]:
    """The form as it stands with nonsense in one field, in all fields, or with a button that it may not have."""
    fillable = fields.keys() - KEPT
    for text in IN_EACH:
        yield from ({**fields, name: text} for name in fillable)
    for text in IN_ALL:
        yield {**fields, **dict.fromkeys(fillable, text)}
    if "revision" in fields:
        yield from ({**fields, "do": pressed, "redraw": "1"} for pressed in PRESSED)


def test_no_form_fails_whatever_is_in_its_fields(member: Walker, pages: list[str]) -> None:  # noqa: F811
    forms, failures = forms_on(member, pages), []
    assert len(forms) > 40
    for (method, address), fields in forms.items():
        for number, filled in enumerate(fillings(fields)):
            answer = send(member, method, address, filled, by_htmx=number % 2 == 1)
            if answer >= 500:
                changed = {name: text[:20] for name, text in filled.items() if text != fields.get(name)}
                failures.append(f"{method} {address} {changed}")
    assert "\n".join(failures) == ""


def send(walker: Walker, method: str, address: str, fields: dict[str, str], *, by_htmx: bool) -> int:
    """The status of the answer; what was changed is taken back."""
    undone = transaction.atomic()
    undone._from_testcase = True  # type: ignore[attr-defined]  # verbs insist on being outermost, but for the transaction of a test
    with undone:
        answer = getattr(walker.browser, method)(address, fields, headers={"HX-Request": "true"} if by_htmx else {})
        transaction.set_rollback(True)
    return int(answer.status_code)

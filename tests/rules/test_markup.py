"""Texts that people and imports bring stay texts: on every page, in every table's every free text."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models

from accounts.models import Account, User
from accounts.tenancy import account_scope
from tests.make import make_contact, make_content, make_flow, make_list, make_participant, steps_of

from .test_tenancy import OWNED
from .test_urls import PAGES, Walker, at, member, things  # noqa: F401

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
# Texts that the code itself chooses from, or that have a form of their own.
OURS = {"status", "kind", "slug", "key", "code", "verb", "subject", "type", "role", "cause", "reason", "language"}


class Tags(HTMLParser):
    """Notes what a browser would run or load of the markup."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A script without an address, a picture of x, a handler in an attribute."""
        given = dict(attrs)
        if (tag == "script" and not given.get("src")) or given.get("src") == "x" or any(k[:2] == "on" for k in given):
            self.found.append(self.get_starttag_text() or tag)


@pytest.fixture
def marked(acme: Account, things: dict[str, object]) -> dict[str, object]:  # noqa: F811
    """Everything of Acme, with markup in each free text."""
    User.objects.update(name=MARKUP)
    with account_scope(acme.pk):
        flow = make_flow(
            ["send_email", {"split": [({"all": []}, ["wait 2 days"])]}, {"add_to_list": make_list()}],
            schedule={"frequency": "daily"},
        )
        person = make_contact(first_name="x", city="y")
        walk = make_participant(flow, person, step=steps_of(flow)[0])
        content = make_content(text="x")
        for model in OWNED:
            mark(model)
        own = {"flow_id": flow.pk, "step_id": steps_of(flow)[0].pk, "participant_id": walk.pk}
    return {**things, **own, "record_id": person.pk, "content_id": content.pk}


def mark(model: type[models.Model]) -> None:
    """Put markup, and the row's place so that it stays unique, into the free texts of a table."""
    table, columns = model._meta.db_table, []
    for field in model._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField) and not field.choices
        if is_text and field.name not in OURS and (field.max_length or 200) >= 100:
            columns.append(f"{connection.ops.quote_name(str(field.column))} = %(markup)s || ctid::text")
    if columns:
        with connection.cursor() as cursor:
            cursor.execute(f"update {table} set {', '.join(columns)}", {"markup": MARKUP})


def run_by(body: str) -> list[str]:
    """What a browser would run of a page's markup."""
    tags = Tags()
    tags.feed(body)
    return tags.found


def test_no_page_runs_what_somebody_wrote_into_a_name(
    acme: Account,
    member: Walker,  # noqa: F811
    marked: dict[str, object],
) -> None:
    shown: dict[str, Any] = {}
    for route in PAGES:
        for headers in ({}, {"HX-Request": "true"}):
            answer = member.browser.get(at(route, marked), headers=headers)
            assert answer.status_code < 500, route
            if not answer.headers["Content-Type"].startswith("text/html"):
                continue
            body = answer.content.decode()
            shown[route] = "&lt;script&gt;alert(1)" in body
            if not route.endswith("letter/"):  # a mail, in a sandbox with a policy of its own
                assert run_by(body) == [], route
    assert sum(shown.values()) > 20, "the markup is there to be seen"


def test_the_markup_would_run_if_it_were_not_text() -> None:
    assert len(run_by(MARKUP)) == 2 and run_by(f'<input value="{MARKUP}">')
    assert run_by("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p><script src='/static/a.js'></script>") == []


def test_no_template_tag_goes_on_on_the_next_line() -> None:
    """Django would print such a tag as it stands."""
    templates = [*Path("templates").rglob("*.*"), *Path("api/templates").rglob("*.*")]
    torn = [
        f"{path}:{number}"
        for path in templates
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.count("{{") != line.count("}}") or line.count("{%") != line.count("%}")
    ]
    assert templates and torn == []

"""Contents over the API: made, checked, changed, and kept while a flow sends them."""

import pytest

from accounts.tenancy import account_scope
from messaging.models import Content
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/contents/"
HELLO = {"name": "Hello", "subject": "Hello {{ record.first_name }}", "html": "<p>Hello</p>"}


@pytest.fixture
def hello(api):
    return api.post(URL, HELLO).json()


def paths(answer):
    assert answer.status_code == 422, answer.content
    return {error["path"] for error in answer.json()["errors"]}


def test_a_content_comes_back_whole(api, hello):
    assert hello == {**hello, **HELLO, "preheader": "", "text": "", "flow": None}
    assert api.get(f"{URL}{hello['id']}/").json() == hello


def test_a_list_leaves_the_bodies_out(api, hello):
    (shown,) = api.get(f"{URL}?search=hell").json()["results"]
    assert shown["id"] == hello["id"]
    assert "html" not in shown


def test_blanks_in_html_and_text_are_kept(api):
    made = api.post(URL, {"name": "Blank", "html": "\n<p> </p>\n", "text": "  indented\n"}).json()
    assert (made["html"], made["text"]) == ("\n<p> </p>\n", "  indented\n")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**HELLO, "subject": "Hello {{ record.first_name"}, "subject"),
        ({**HELLO, "html": "{% if %}"}, "html"),
        ({**HELLO, "text": "{% nonsense %}"}, "text"),
        ({**HELLO, "name": ""}, "name"),
        ({**HELLO, "subject": "a" * 501}, "subject"),
        ({**HELLO, "id": 1}, "id"),
        ({**HELLO, "flow": 1}, "flow"),
        ({"name": {}}, "name"),
    ],
)
def test_a_fault_names_its_field(api, acme, body, path):
    assert path in paths(api.post(URL, body))
    with account_scope(acme.pk):
        assert not Content.objects.exists()


def test_a_change_is_checked_as_a_whole(api, hello):
    url = f"{URL}{hello['id']}/"
    changed = api.patch(url, {"preheader": "News"}).json()
    assert (changed["preheader"], changed["html"]) == ("News", HELLO["html"])
    assert changed["updated_at"] >= hello["updated_at"]
    assert paths(api.patch(url, {"html": "{{"})) == {"html"}
    assert api.get(url).json() == changed


def test_a_content_that_a_step_sends_is_kept(api, acme, hello):
    with account_scope(acme.pk):
        flow = make.make_flow([{"send_email": Content.objects.get(pk=hello["id"])}])
    refused = api.delete(f"{URL}{hello['id']}/")
    assert (refused.status_code, refused.json()["code"], refused.json()["flows"]) == (409, "in_use", [flow.pk])


def test_a_content_that_nothing_sends_goes(api, hello):
    assert api.delete(f"{URL}{hello['id']}/").status_code == 204
    assert api.get(f"{URL}{hello['id']}/").status_code == 404


@pytest.mark.parametrize(("status", "expected"), [("running", 409), ("paused", 200), ("not_running", 200)])
def test_what_a_running_flow_says_is_not_changed(api, acme, status, expected):
    with account_scope(acme.pk):
        make.make_flow(status=status)
        content = Content.objects.exclude(flow_id=None).get()
    assert api.patch(f"{URL}{content.pk}/", {"subject": "Other"}).status_code == expected

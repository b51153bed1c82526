"""The OpenAPI document is whole and clean, and its page works under a strict policy without a key."""

import re

import pytest
import yaml
from django.core.management import call_command
from django.urls import URLPattern

from api import urls

from .conftest import API

pytestmark = pytest.mark.django_db
UNDOCUMENTED = {"schema/", "docs/", ""}


@pytest.fixture(scope="module")
def document(tmp_path_factory, django_db_setup, django_db_blocker):
    file = tmp_path_factory.mktemp("schema") / "schema.yml"
    with django_db_blocker.unblock():
        call_command("spectacular", "--validate", "--fail-on-warn", file=str(file))
    return yaml.safe_load(file.read_text())


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield path, method, operation


def test_every_endpoint_is_in_the_document(document):
    described = {(path, method) for path, method, _operation in operations(document)}
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        if route in UNDOCUMENTED:
            continue
        path = f"{API}/" + re.sub(r"<id:(\w+)>", r"{\1}", route)
        view = pattern.callback.view_class
        for method in ("get", "post", "put", "patch", "delete"):
            assert ((path, method) in described) == hasattr(view, method), f"{method} {path}"


def test_every_endpoint_says_what_it_does_takes_and_answers(document):
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["security"] == [{"ApiKey": []}], where
        assert "default" in operation["responses"], where
        successes = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert successes, where
        assert method == "delete" or all("content" in answer for answer in successes), where


def test_every_list_is_told_to_come_in_pages(document):
    for path, method, operation in operations(document):
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert ({"limit", "cursor"} <= names) == operation["operationId"].endswith("_list"), f"{method} {path}"


def test_the_document_is_served_without_a_key(nobody):
    answer = nobody.get(f"{API}/schema/")
    assert answer.status_code == 200
    assert yaml.safe_load(answer.content)["info"]["title"] == "Flyt"


def test_the_page_runs_no_script_but_from_this_server(nobody):
    answer = nobody.get(f"{API}/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page) == []
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []
    (script,) = [src for src in re.findall(r'<script src="([^"]+)"', page) if "docs/" in src]
    code = nobody.get(script.replace("&amp;", "&"))
    assert code.status_code == 200
    assert code["Content-Type"].startswith("application/javascript")
    assert "/api/v1/schema/" in code.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "unsafe-inline" not in next(part for part in policy.split(";") if "script-src" in part)


def test_a_walk_tells_every_cause_that_there_is(document):
    text = document["components"]["schemas"]["ParticipantShape"]["properties"]["cause"]["description"]
    assert {word.strip(",.") for word in text.split()} >= {"schedule", "by_hand", "list", "api", "hand_over"}

"""What goes wrong is told as problem+json: where, and what to do; and leaves nothing half-written."""

import json
import logging

import pytest

from accounts.tenancy import account_scope
from records.models import Property
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/properties/"
GOOD = {"key": "shoe_size", "label": "Shoe size", "type": "number"}


def send(client, body, content_type="application/json"):
    return client.generic("POST", URL, body, content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'key': 1}",
        b'{"key": NaN}',
        b'{"key": Infinity}',
        b'{"key": 1e999}',
        b"\xff\xfe",
        b'{"key": "\x00"}',
        b'{"key": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_json_is_400(api, body):
    answer = send(api, body)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 400


def test_a_body_of_another_kind_is_415(api):
    assert send(api, b"key=a", "application/x-www-form-urlencoded").status_code == 415
    assert send(api, b"<a/>", "text/xml").status_code == 415


def test_a_body_that_is_too_large_is_413(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert send(api, b'{"key": "' + b"a" * 200 + b'"}').status_code == 413


def test_a_body_nested_without_end_is_refused(api):
    assert send(api, b"[" * 100_000 + b"]" * 100_000).status_code in (400, 422)


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", "[[]]"])
def test_a_body_that_is_no_object_is_422(api, body):
    assert send(api, body).status_code == 422


def test_every_fault_is_told_with_its_path(api):
    answer = api.post(URL, {"key": "a", "type": "colour", "options": ["x", {}], "shade": 1})
    assert answer.status_code == 422
    assert {error["path"] for error in answer.json()["errors"]} == {"label", "type", "options.1", "shade"}


def test_a_fault_that_the_package_finds_has_its_path_too(api):
    answer = api.post(URL, {**GOOD, "key": "Not A Key"})
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["key"]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_cannot_be_stored_is_refused_with_its_place(api, text):
    answer = send(api, json.dumps({**GOOD, "options": ["fine", text]}).encode())
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["options.1"]


def test_an_emoji_outside_the_basic_plane_is_text_as_any_other(api):
    assert api.post(URL, {**GOOD, "label": "Shoe \U0001f45f"}).json()["label"] == "Shoe \U0001f45f"


def test_a_null_character_in_a_parameter_is_refused(api):
    answer = api.get(f"{URL}?object_type=%00")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "?object_type"


def test_an_unknown_parameter_is_refused_rather_than_ignored(api):
    answer = api.get(f"{URL}?objecttype=contact")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "?objecttype"


def test_a_key_that_is_taken_is_told_at_its_field(api):
    body = {"key": "boat", "name": "Boat", "plural": "Boats"}
    assert api.post(f"{API}/object-types/", body).status_code == 201
    answer = api.post(f"{API}/object-types/", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "key"
    assert api.get(f"{API}/object-types/").status_code == 200  # the refusal left no broken transaction


@pytest.mark.django_db(transaction=True)
def test_a_fault_that_only_the_commit_finds_is_told_as_any_other(api, acme, monkeypatch):
    def refer_to_nothing(_object_type, **_options):
        return Property.objects.create(object_type_id=10**12, key="stray", label="Stray", type="text")

    monkeypatch.setattr("api.properties.add_property", refer_to_nothing)
    answer = api.post(URL, GOOD)
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error"
    with account_scope(acme.pk):
        assert not Property.objects.filter(key="stray").exists()


def test_no_answer_is_kept_on_the_way(api, nobody):
    assert api.get(URL)["Cache-Control"] == "no-store"
    assert nobody.get(URL)["Cache-Control"] == "no-store"


def test_a_method_may_be_asked_for_and_headers_alone(api):
    assert api.head(URL).status_code == 200
    assert api.options(URL)["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["nothing/", "properties", "flows/x/start/", "records/-1/", f"records/{10**40}/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_that_is_not_there_is_a_404_in_json(api, path, method):
    answer = getattr(api, method)(f"{API}/{path}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_an_address_outside_the_version_is_a_404_in_json(api):
    answer = api.get("/api/v0/")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_a_failure_tells_nothing_of_the_inside_and_undoes_everything(api, acme, monkeypatch, caplog):
    def fail(*_args, **_options):
        make.make_property("half_done")
        raise RuntimeError("secret detail")

    monkeypatch.setattr("api.properties.add_property", fail)
    with caplog.at_level(logging.ERROR):
        answer = api.post(URL, GOOD)
    assert answer.status_code == 500
    assert "secret" not in answer.content.decode()
    assert "secret detail" in caplog.text
    with account_scope(acme.pk):
        assert not Property.objects.filter(key="half_done").exists()

"""Imports over the API: a file goes in, and what was refused comes back mended for a spreadsheet."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.tenancy import account_scope
from records.models import Import, Record
from records.tasks import run_import
from tests.make import make_object_type

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/imports/"
DATA = Path(__file__).parent.parent / "data"
ROWS = """E-mail,First name,Shoe,=sum
ada@example.com,Ada,37,1
bad,=cmd|'/c calc',36,+1
,@home,38,-1
grace@example.com,Grace,39,2
"""


def send(client, text=ROWS, **fields):
    file = SimpleUploadedFile("fair.csv", text.encode() if isinstance(text, str) else text, content_type="text/csv")
    return client.post(URL, {"file": file, **fields}, format="multipart")


def finish(acme, answer):
    assert answer.status_code == 201, answer.content
    while run_import(acme.pk, answer.json()["id"]):
        pass


def paths(answer):
    assert answer.status_code == 422, answer.content
    return {error["path"] for error in answer.json()["errors"]}


def test_a_file_comes_in_and_is_counted(api, acme):
    answer = send(api)
    assert (answer.json()["name"], answer.json()["status"]) == ("fair.csv", "waiting")
    finish(acme, answer)
    done = api.get(f"{URL}{answer.json()['id']}/").json()
    assert (done["status"], done["rows"], done["created"], done["refused"]) == ("done", 4, 2, 2)
    in_list = api.get(f"{API}/lists/{done['list']}/records/").json()["results"]
    assert {each["properties"]["email"] for each in in_list} == {"ada@example.com", "grace@example.com"}
    assert [each["id"] for each in api.get(URL).json()["results"]] == [done["id"]]


@pytest.mark.parametrize(
    ("file", "rows", "terms"),
    [
        ("contacts-export.csv", 10_000, {"create_properties": "true", "match_on": "external_id"}),
        ("kontakter-excel.csv", 2_000, {}),
    ],
)
def test_what_other_products_export_comes_in_with_nothing_lost_and_again_changes_nothing(api, acme, file, rows, terms):
    counted = []
    for _time in range(2):
        answer = send(api, (DATA / file).read_bytes(), **terms)
        finish(acme, answer)
        done = api.get(f"{URL}{answer.json()['id']}/").json()
        assert (done["status"], done["rows"]) == ("done", rows)
        assert done["created"] + done["updated"] + done["unchanged"] + done["refused"] == rows
        refused = b"".join(api.get(f"{URL}{done['id']}/refused/").streaming_content).decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(refused)))
        reasons = [line[lines[0].index("reason")] for line in lines[1:]]
        assert len(reasons) == done["refused"] > 0 and all(reasons)
        counted.append(done)
    assert (counted[0]["updated"], counted[1]["created"], counted[1]["updated"]) == (0, 0, 0)
    with account_scope(acme.pk):
        assert Record.objects.filter(object_type__key="contact").count() == counted[0]["created"]


def test_a_mapping_says_where_columns_go(api, acme):
    mapping = {"E-mail": {"property": "email"}, "Shoe": {"property": "score"}, "First name": None}
    finish(acme, send(api, mapping=json.dumps(mapping), name="Fair in May"))
    (ada,) = api.get(f"{API}/records/?email=ada@example.com").json()["results"]
    assert ada["properties"] == {"email": "ada@example.com", "score": 37}
    assert api.get(URL).json()["results"][0]["name"] == "Fair in May"


def test_the_refused_rows_come_as_csv_that_no_spreadsheet_calculates(api, acme):
    answer = send(api)
    finish(acme, answer)
    file = api.get(f"{URL}{answer.json()['id']}/refused/")
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(file.streaming_content).decode("utf-8-sig")
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["row"], first["column"], first["E-mail"]) == ("2", "E-mail", "bad")
    assert first["First name"] == "'=cmd|'/c calc'"
    assert (first["'=sum"], second["'=sum"], second["First name"]) == ("'+1", "'-1", "'@home")
    assert first["reason"]


def test_an_import_says_how_rows_meet_what_is_there_and_can_be_stopped(api, acme):
    terms = {"match_on": "email", "mode": "update", "blank_cells": "clear", "date_order": "month_first"}
    answer = send(api, **terms)
    assert {name: answer.json()[name] for name in terms} == terms
    url = f"{URL}{answer.json()['id']}/"
    stopped = api.post(f"{url}stop/")
    assert (stopped.status_code, stopped.json()["status"], stopped.json()["rows"]) == (200, "stopped", 0)
    again = api.post(f"{url}stop/")
    assert (again.status_code, again.json()["code"]) == (409, "not_under_way")
    with account_scope(acme.pk):
        assert not Record.objects.exists()


def test_nobody_stops_the_import_of_another_account(api, globex):
    with account_scope(globex.pk):
        theirs = Import.objects.create(name="Theirs", object_type=make_object_type(), mapping={})
    assert api.post(f"{URL}{theirs.pk}/stop/").status_code == 404


def test_companies_come_in_matched_by_nothing(api, acme):
    answer = send(api, "Name,Website\nNova,nova.no\nFjord,fjord.no\n", object_type="company", match_on="new")
    assert (answer.status_code, answer.json()["match_on"]) == (201, "new")
    finish(acme, answer)
    assert api.get(f"{URL}{answer.json()['id']}/").json()["created"] == 2


def test_rows_are_told_apart_and_add_up(api, acme):
    text = "E-mail,Company\na@b.no,Nova\nA@b.no,Fjord\nnobody,\n"
    answer = send(api, text)
    finish(acme, answer)
    done = api.get(f"{URL}{answer.json()['id']}/").json()
    assert [done[name] for name in ("created", "updated", "unchanged", "refused", "repeated")] == [1, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"match_on": "phone"}, "match_on"),
        ({"mode": "replace"}, "mode"),
        ({"mode": "create", "match_on": "id"}, "mode"),
        ({"blank_cells": "x"}, "blank_cells"),
        ({"mode": "update", "match_on": "new"}, "mode"),
        ({"date_order": "x"}, "date_order"),
        ({"decimal_mark": "x"}, "decimal_mark"),
        ({"mapping": json.dumps({"Shoe": {"new": "Shoe", "type": "owner"}})}, "mapping.Shoe"),
        ({"object_type": "boat"}, "object_type"),
        ({"delimiter": "x"}, "delimiter"),
        ({"encoding": "klingon"}, "encoding"),
        ({"mapping": "{"}, "mapping"),
        ({"mapping": "[]"}, "mapping"),
        ({"mapping": json.dumps({"Nope": None})}, "mapping.Nope"),
        ({"mapping": json.dumps({"E-mail": {"property": "nope"}})}, "mapping.E-mail"),
        ({"list": "7"}, "list"),
        ({"create_properties": "maybe"}, "create_properties"),
        ({"name": "a" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
    ],
)
def test_a_fault_names_its_field_and_nothing_is_stored(api, acme, fields, path):
    assert path in paths(send(api, **fields))
    with account_scope(acme.pk):
        assert not Import.objects.exists()


@pytest.mark.parametrize("text", ["", "E-mail\n", b"\x00\x01\x02" * 100, b"PK\x03\x04\x00"])
def test_a_file_without_rows_or_text_is_refused(api, text):
    assert paths(send(api, text)) == {"file"}


def test_without_a_file_there_is_no_import(api):
    assert "file" in paths(api.post(URL, {"name": "Fair"}, format="multipart"))


def test_a_form_that_is_broken_off_is_400(api):
    answer = api.generic("POST", URL, b"--x\r\n", content_type="multipart/form-data; boundary=")
    assert answer.status_code == 400


def test_json_is_no_file(api):
    assert api.post(URL, {"name": "Fair"}).status_code == 415


def test_the_same_upload_with_the_same_key_is_one_import(api, acme):
    first = _send_with_key(api, ROWS)
    again, other = _send_with_key(api, ROWS), _send_with_key(api, ROWS + "x@example.com,X,1,1\n")
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    with account_scope(acme.pk):
        assert Import.objects.count() == 1


def _send_with_key(client, text):
    file = SimpleUploadedFile("fair.csv", text.encode(), content_type="text/csv")
    return client.post(URL, {"file": file}, format="multipart", headers={"Idempotency-Key": "upload"})

"""An import over the API as a person makes one in the browser: looked at, corrected, started or thrown away."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.tenancy import account_scope
from records.models import Import, ImportFile, Record
from records.tasks import run_import
from tests.make import make_object_type

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/imports/"
FILE = "Förnamn;E-post;Född;Skonummer\nKäthe;kathe@example.com;29.02.1984;37\nTorbjørn;t@example.com;snart;41\n"


@pytest.fixture(autouse=True)
def _contacts(acme):
    with account_scope(acme.pk):
        make_object_type()


def send(client, **fields):
    file = SimpleUploadedFile("kunder.csv", FILE.encode("cp1252"), content_type="text/csv")
    return client.post(URL, {"file": file, "draft": "true", **fields}, format="multipart")


@pytest.fixture
def draft(api):
    answer = send(api)
    assert (answer.status_code, answer.json()["status"]) == (201, "draft"), answer.content
    return f"{URL}{answer.json()['id']}/"


def test_a_draft_tells_what_was_found_and_what_does_not_fit(api, acme, draft):
    mapping = {"Född": {"property": "date_of_birth"}}
    assert api.patch(draft, {"mapping": mapping}).status_code == 200
    seen = api.get(f"{draft}preview/").json()
    assert (seen["encoding"], seen["delimiter"], seen["is_matched"]) == ("cp1252", ";", True)
    assert (seen["about"], seen["is_counted"], seen["looked_at"], seen["faulty"], seen["is_whole"]) == (
        2,
        True,
        2,
        1,
        True,
    )
    columns = {each["header"]: each for each in seen["columns"]}
    assert columns["Förnamn"]["target"] == {"property": "first_name"} and columns["Förnamn"]["first"] == "Käthe"
    assert columns["Skonummer"]["target"] is None and columns["Skonummer"]["type"] == "number"
    assert columns["Född"]["misfits"] == 1 and "snart" in columns["Född"]["problem"]
    assert seen["rows"][1][2]["text"] == "snart" and seen["rows"][1][2]["problem"] == columns["Född"]["problem"]
    assert len(seen["rows"]) == 2 and len(seen["rows"][0]) == 4
    with account_scope(acme.pk):
        assert not Record.objects.exists(), "nothing comes in before the start"


def test_a_draft_is_corrected_and_started_once(api, acme, draft):
    change = {
        "name": "Kunder",
        "mapping": {"Skonummer": {"new": "Skonummer", "type": "number"}, "Född": None},
        "mode": "create",
        "date_order": "month_first",
    }
    changed = api.patch(draft, change).json()
    assert (changed["name"], changed["mode"], changed["date_order"]) == ("Kunder", "create", "month_first")
    assert changed["mapping"]["E-post"] == {"property": "email"}, "what is left out stays"
    started = [api.post(f"{draft}start/", {}, headers={"Idempotency-Key": "go"}) for _press in range(2)]
    assert [each.json()["status"] for each in started] == ["waiting", "waiting"]
    assert started[1]["Idempotency-Replayed"] == "true"
    while run_import(acme.pk, changed["id"]):
        pass
    done = api.get(draft).json()
    assert (done["status"], done["created"], done["mode"]) == ("done", 2, "create")
    with account_scope(acme.pk):
        assert Record.objects.get(email="t@example.com").properties["skonummer"] == 41


def test_the_decimal_mark_is_guessed_chosen_and_seen_in_the_preview(api, acme):
    file = SimpleUploadedFile("f.csv", b"Email;Score;Date of consent\na@b.no;12,500;2024-05-01\nb@b.no;3,75;\n")
    made = api.post(URL, {"file": file, "draft": "true"}, format="multipart").json()
    draft = f"{URL}{made['id']}/"

    def seen():
        return [[cell["value"] for cell in row] for row in api.get(f"{draft}preview/").json()["rows"]]

    assert made["decimal_mark"] == "comma" and seen()[0] == ["a@b.no", 12.5, "2024-04-30T22:00:00Z"]
    assert api.patch(draft, {"decimal_mark": "point"}).json()["decimal_mark"] == "point"
    assert seen() == [["a@b.no", 12_500, "2024-04-30T22:00:00Z"], ["b@b.no", 3.75, None]]
    assert api.patch(draft, {"mode": "create"}).json()["decimal_mark"] == "point", "what is left out stays"
    wrong = api.patch(draft, {"decimal_mark": "dot"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "decimal_mark")
    again = SimpleUploadedFile("f.csv", b'Email,Score\na@b.no,"12,500"\n')
    told = api.post(URL, {"file": again, "decimal_mark": "comma"}, format="multipart").json()
    assert told["decimal_mark"] == "comma"


def test_another_encoding_or_delimiter_has_the_file_read_again(api, draft):
    wrong = api.patch(draft, {"encoding": "utf-8"})
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["path"] == "encoding"
    again = api.patch(draft, {"encoding": "iso8859-15"}).json()
    assert again["encoding"] == "iso8859-15" and "Förnamn" in again["mapping"]
    one = api.patch(draft, {"delimiter": ","}).json()
    assert list(one["mapping"]) == ["Förnamn;E-post;Född;Skonummer"]
    assert not api.get(f"{draft}preview/").json()["is_matched"]
    refused = api.post(f"{draft}start/", {})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "match_on")
    assert api.get(draft).json()["status"] == "draft"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"mapping": {"Nope": None}}, "mapping.Nope"),
        ({"mapping": {"Född": {"property": "nope"}}}, "mapping.Född"),
        ({"mapping": []}, "mapping"),
        ({"mode": "x"}, "mode"),
        ({"name": ""}, "name"),
        ({"match_on": "id", "mode": "create"}, "mode"),
        ({"rows": 7}, "rows"),
    ],
)
def test_a_wrong_correction_names_its_place_and_changes_nothing(api, draft, change, path):
    before = api.get(draft).json()
    answer = api.patch(draft, {**change})
    assert answer.status_code == 422 and path in {error["path"] for error in answer.json()["errors"]}
    assert api.get(draft).json() == before


def test_a_draft_is_thrown_away_with_its_file(api, acme, draft):
    assert api.delete(draft).status_code == 204
    assert api.get(draft).status_code == 404
    with account_scope(acme.pk):
        assert not Import.objects.exists() and not ImportFile.objects.exists()


def test_what_was_started_is_no_draft_any_more(api, draft):
    assert api.post(f"{draft}start/", {}).status_code == 200
    for answer in (
        api.post(f"{draft}start/", {}),
        api.patch(draft, {"name": "x"}),
        api.delete(draft),
        api.get(f"{draft}preview/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "not_a_draft")


def test_columns_that_belong_nowhere_may_be_suggested_as_properties(api):
    mapping = json.dumps({"E-post": {"property": "email"}})
    made = send(api, mapping=mapping, create_properties="true").json()
    assert made["mapping"]["Skonummer"] == {"new": "Skonummer", "type": "number"}
    assert made["list"] is None

"""Imports of companies matched by their names: those that contacts named before are not made again."""

import io

import pytest

from accounts.models import Account
from records import import_chunks, importing
from records.importing import Terms
from records.models import ObjectType, Record, RefusedRow
from records.refusals import Invalid
from tests.make import make_object_type
from tests.records.files import bring_in, counts


@pytest.fixture
def company(in_acme: Account) -> ObjectType:
    """The object type of companies."""
    make_object_type()
    return make_object_type("company")


def test_companies_that_contacts_named_get_what_their_file_says(company: ObjectType) -> None:
    bring_in(make_object_type("contact"), "Email,Company\na@b.no,Fjord Kaffe AS\n")
    text = "Name,Employees\nFJORD KAFFE AS,12\nØvre Bakeri,3\n"
    source = bring_in(company, text, match_on="name")
    assert counts(source) == {"rows": 2, "created": 1, "updated": 1, "unchanged": 0, "refused": 0}
    found = Record.objects.filter(object_type=company).values_list("properties__name", "properties__employees")
    assert set(found) == {("FJORD KAFFE AS", 12), ("Øvre Bakeri", 3)}
    assert counts(bring_in(company, text, match_on="name"))["unchanged"] == 2


def test_a_row_without_a_name_is_refused_at_its_column(company: ObjectType) -> None:
    source = bring_in(company, "Navn,Employees\n,12\n", match_on="name")
    assert source.refused == 1 and RefusedRow.objects.get(source=source).column == "Navn"


def test_of_several_rows_about_a_name_the_last_one_counts(company: ObjectType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 1)
    long = "Å" * 400
    text = f"Name,Employees\nNova,1\n{long}x,1\n{long}y,2\nnova,2\n{long}X,3\n"
    source = bring_in(company, text, match_on="name")
    assert (source.created, source.refused, source.repeated) == (3, 0, 2)
    found = Record.objects.filter(object_type=company).values_list("properties__name", "properties__employees")
    assert set(found) == {("nova", 2), (f"{long}X", 3), (f"{long}y", 2)}


def test_an_import_that_only_updates_or_only_creates_tells_by_name(company: ObjectType) -> None:
    bring_in(company, "Name\nNova\n", match_on="name")
    updates = bring_in(company, "Name\nFjord\nnova\n", match_on="name", mode="update")
    assert (updates.updated, updates.refused) == (1, 1)
    creates = bring_in(company, "Name\nFjord\nNOVA\n", match_on="name", mode="create")
    assert (creates.created, creates.refused) == (1, 1)
    assert {each.column for each in RefusedRow.objects.all()} == {"Name"}


def test_only_companies_are_told_apart_by_their_names(in_acme: Account) -> None:
    deal = make_object_type("deal")
    with pytest.raises(Invalid) as refused:
        importing.draft(name="Deals", object_type=deal, file=io.BytesIO(b"Name\nCake\n"), terms=Terms("name"))
    assert [error.path for error in refused.value.errors] == ["match_on"]
    assert "name" not in importing.matches_of(deal)

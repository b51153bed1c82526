"""Drafts of imports: looked at before anything comes in, corrected, started once, or thrown away."""

import io
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Account, History
from accounts.tenancy import account_scope
from records import import_preview, importing, tasks
from records.import_chunks import import_chunk
from records.import_lifecycle import discard
from records.import_preview import look_at
from records.importing import Terms
from records.models import Import, ImportFile, ImportStatus, List, ObjectType, Property, PropertyType, Record
from records.refusals import Invalid
from scheduling.clock import now
from tests.make import make_object_type, make_property

FILE = "Förnamn;E-post;Född;Skonummer\nKäthe;kathe@example.com;29.02.1984;37\nTorbjørn;;snart;41\n"


@pytest.fixture
def contact(in_acme: Account) -> ObjectType:
    """The object type of people."""
    return make_object_type()


def draft(object_type: ObjectType, content: str = FILE, encoding: str = "cp1252", **more: Any) -> Import:
    return importing.take_in(name="Hösten", object_type=object_type, file=io.BytesIO(content.encode(encoding)), **more)


def start(source: Import, mapping: dict[str, Any] | None = None, **more: Any) -> bool:
    given = {"name": source.name, "terms": Terms(), "mapping": mapping or source.mapping, **more}
    return importing.start(source, **given)


def test_a_file_is_taken_in_with_what_it_seems_to_be_and_nothing_comes_of_it(contact: ObjectType) -> None:
    source = draft(contact)
    assert (source.status, source.encoding, source.delimiter) == (ImportStatus.DRAFT, "cp1252", ";")
    assert source.columns == ["Förnamn", "E-post", "Född", "Skonummer"]
    assert source.mapping["Förnamn"] == {"property": "first_name"} and source.mapping["Skonummer"] is None
    assert source.size == len(FILE.encode("cp1252"))
    assert not import_chunk(source.account_id, source.pk)
    assert not Record.objects.exists() and not List.objects.exists()


def test_a_preview_shows_the_rows_and_what_would_be_refused(contact: ObjectType) -> None:
    source = draft(contact, f"{FILE}Linnéa;;4.7.1991;38\n")
    source.mapping["Född"] = {"property": "date_of_birth"}
    seen = look_at(source)
    assert [[cell.text for cell in row] for row in seen.rows] == [
        ["Käthe", "kathe@example.com", "29.02.1984", "37"],
        ["Torbjørn", "", "snart", "41"],
        ["Linnéa", "", "4.7.1991", "38"],
    ]
    by_header = {column.header: column for column in seen.columns}
    assert by_header["Född"].misfits == 1 and "snart" in by_header["Född"].problem
    assert by_header["E-post"].misfits == 1, "a row without what it is matched by"
    assert by_header["Förnamn"].misfits == 0 and by_header["Förnamn"].first == "Käthe"
    assert (seen.looked_at, seen.faulty, seen.about, seen.is_whole) == (3, 2, 3, True)


def test_a_preview_agrees_with_what_the_import_refuses(contact: ObjectType) -> None:
    source = draft(contact)
    source.mapping["Född"] = {"property": "date_of_birth"}
    expected = look_at(source).faulty
    start(source)
    import_chunk(source.account_id, source.pk)
    source.refresh_from_db()
    assert source.refused == expected == 1


def test_a_long_file_is_looked_at_in_part_and_counted(contact: ObjectType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_preview, "LOOKED_AT", 10)
    source = draft(contact, "E-mail\n" + "".join(f"p{n}@example.com\n\n" for n in range(100, 150)))
    seen = look_at(source)
    assert (seen.looked_at, seen.about, seen.is_whole, seen.is_counted) == (10, 50, False, True)
    monkeypatch.setattr(import_preview, "COUNTED", 100)
    guessed = look_at(source)
    assert not guessed.is_counted and 45 <= guessed.about <= 55


def test_a_draft_can_be_read_with_another_encoding_and_delimiter(contact: ObjectType) -> None:
    source = draft(contact, "a,b;E-mail\nx,y;p@example.com\n", "utf-8")
    importing.read_again(source, encoding="cp1252", delimiter=",")
    source.refresh_from_db()
    assert (source.encoding, source.delimiter, source.columns) == ("cp1252", ",", ["a", "b;E-mail"])
    with pytest.raises(Invalid) as refused:
        importing.read_again(draft(contact), encoding="utf-8", delimiter=";")
    assert [error.path for error in refused.value.errors] == ["encoding"]
    with pytest.raises(Invalid):
        importing.read_again(source, encoding="utf-8", delimiter="x")


def test_a_draft_is_started_once_with_its_list_its_new_properties_and_its_story(
    contact: ObjectType, owner: Actor
) -> None:
    source = draft(contact)
    mapping = {**source.mapping, "Skonummer": {"new": "Skonummer"}}
    assert start(source, mapping, name="Kunder", by=owner)
    assert not start(Import.objects.get(pk=source.pk), mapping)
    import_chunk(source.account_id, source.pk)
    source.refresh_from_db()
    assert (source.status, source.created, source.list.name) == (ImportStatus.DONE, 1, "Kunder")
    made = Property.objects.get(label="Skonummer")
    assert Record.objects.get().properties[made.key] == "37"
    assert List.objects.count() == 1
    assert History.objects.get(subject="import").by_name == owner.name


def test_a_draft_without_what_rows_are_matched_by_is_not_started(contact: ObjectType) -> None:
    source = draft(contact)
    with pytest.raises(Invalid) as refused:
        start(source, {**source.mapping, "E-post": None})
    assert [error.path for error in refused.value.errors] == ["match_on"]
    source.refresh_from_db()
    assert source.status == ImportStatus.DRAFT and not List.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"Förnamn": {"property": "nothing"}},
        {"Förnamn": {"property": "email"}},
        {"Förnamn": {"new": "Förnamn", "type": "owner"}},
        {"Förnamn": {"new": "Förnamn", "colour": "red"}},
        {"Förnamn": {"field": "archived_at"}},
        {"Förnamn": {"associated": "deal"}},
    ],
)
def test_a_column_goes_to_one_known_place(contact: ObjectType, wrong: dict[str, Any]) -> None:
    source = draft(contact)
    with pytest.raises(Invalid) as refused:
        importing.settle(source, name="Hösten", terms=Terms(), mapping={**source.mapping, **wrong})
    assert {error.path for error in refused.value.errors} <= {"mapping.Förnamn", "mapping.E-post"}


def test_a_draft_goes_with_its_file_and_a_started_import_stays(contact: ObjectType) -> None:
    gone, kept = draft(contact), draft(contact)
    start(kept)
    discard(gone)
    discard(kept)
    assert list(Import.objects.values_list("pk", flat=True)) == [kept.pk]
    assert set(ImportFile.objects.values_list("source_id", flat=True)) == {kept.pk}


def test_a_draft_that_nobody_starts_is_thrown_away_after_a_day(acme: Account) -> None:
    with account_scope(acme.pk):
        contact = make_object_type()
        old, fresh, started = draft(contact), draft(contact), draft(contact)
        start(started)
        Import.objects.filter(pk__in=[old.pk, started.pk]).update(created_at=now() - timedelta(days=2))
    tasks.discard_forgotten_drafts()
    with account_scope(acme.pk):
        assert set(Import.objects.values_list("pk", flat=True)) == {fresh.pk, started.pk}


HUGE, ROWS = 90_000, 40  # characters of a cell, and rows of six such cells


@pytest.fixture
def huge(contact: ObjectType) -> Import:
    """A draft of few but huge rows, no two cells alike, in columns that are read and guessed in every way."""
    make_property("story", PropertyType.LONG_TEXT, object_type=contact)
    rows = (",".join(f"{row}-{column}".ljust(HUGE, "x") for column in range(6)) for row in range(ROWS))
    source = draft(contact, "E-mail,Story,Phone,First name,Weight,Other\n" + "\n".join(rows), "utf-8")
    mapping = source.mapping | {"Story": {"property": "story"}, "Weight": {"new": "Weight", "type": "number"}}
    importing.settle(source, name="Huge", mapping=mapping, terms=Terms())
    return source


@pytest.mark.parametrize(
    "look", [look_at, lambda source: importing.guess_types(source, {"Weight", "Other"})], ids=["preview", "types"]
)
def test_looking_at_huge_rows_holds_none_of_them(huge: Import, look: Callable[[Import], Any]) -> None:
    tracemalloc.start()
    kept = look(huge)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept and most < 8 * 1024**2 < huge.size // 2


def test_a_preview_shows_how_long_cells_begin(huge: Import) -> None:
    seen = look_at(huge)
    assert (seen.looked_at, seen.faulty, seen.columns[5].type) == (ROWS, ROWS, "long_text")
    shown = [cell for row in seen.rows for cell in row]
    assert shown[1].text == shown[1].value == "0-1".ljust(import_preview.LONGEST_SHOWN, "x")
    longest = max(len(text) for cell in shown for text in (cell.text, cell.problem))
    assert longest == import_preview.LONGEST_SHOWN == len(seen.columns[1].first)

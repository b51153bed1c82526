"""Imports: how rows meet what is there: created or updated, blank cells, dates, new properties, companies, the end."""

import csv
import io
from typing import Any

import pytest
from django.utils.translation import override

from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account, History
from accounts.tenancy import account_scope
from records import import_chunks, import_lifecycle, lists, values
from records.associations import associate_many
from records.import_refusals import as_csv, refused_lines
from records.import_types import TypeGuess
from records.models import (
    Association,
    Event,
    EventPending,
    Import,
    ImportFile,
    ImportStatus,
    List,
    ListKind,
    ObjectType,
    Property,
    Record,
    RefusedRow,
)
from records.property_changes import archive_property
from records.upserts import upsert
from tests.make import make_object_type, make_property, make_record
from tests.records.files import begin, bring_in, counts, finish, refusal


def named(name: str) -> Record:
    """The one company of that name."""
    found: Record = Record.objects.get(object_type__key="company", properties__name=name)
    return found


def reasons(source: Import) -> dict[int, tuple[str, str]]:
    return {row.row: (row.column, row.reason) for row in RefusedRow.objects.filter(source=source)}


# --- Create, update, or both -----------------------------------------------------------------------------------


def test_an_import_that_only_creates_leaves_what_is_there(contact: ObjectType, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_in(contact, "Email,City\na@b.no,Oslo\n")
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 1)
    source = bring_in(contact, "Email,City\na@b.no,Bergen\nc@d.no,Bodø\nC@D.no,Moss\n", mode="create")
    assert counts(source) == {"rows": 3, "created": 1, "updated": 0, "unchanged": 1, "refused": 1}
    assert source.repeated == 1, "its own record may be told of again"
    column, reason = reasons(source)[1]
    assert column == "Email" and "only creates" in reason
    cities = set(Record.objects.values_list("email", "properties__city"))
    assert cities == {("a@b.no", "Oslo"), ("c@d.no", "Moss")}


def test_an_import_that_only_updates_makes_nobody(contact: ObjectType) -> None:
    bring_in(contact, "Email,City\na@b.no,Oslo\n")
    source = bring_in(contact, "Email,City,Company\na@b.no,Bergen,\nc@d.no,Bodø,Nova\n", mode="update")
    assert counts(source) == {"rows": 2, "created": 0, "updated": 1, "unchanged": 0, "refused": 1}
    assert "only updates" in reasons(source)[2][1]
    assert Record.objects.get().properties["city"] == "Bergen", "and no company for a row that was refused"


def test_rows_are_matched_by_the_id_of_flyt(contact: ObjectType, globex: Account) -> None:
    bring_in(contact, "Email,City\na@b.no,Oslo\n")
    record = Record.objects.get()
    with account_scope(globex.pk):
        theirs = make_record("contact", email="x@y.no")
    rows = f"Id,E-mail,City\n{record.pk},new@b.no,Bergen\n{theirs.pk},,Bergen\n7x,,Oslo\n{'9' * 5_000},,Oslo\n"
    source = bring_in(contact, rows, match_on="id", mode="update")
    assert counts(source) == {"rows": 4, "created": 0, "updated": 1, "unchanged": 0, "refused": 3}
    assert reasons(source)[2] == ("Id", f"There is no record {theirs.pk}.")
    assert reasons(source)[3] == reasons(source)[4] == ("Id", "An id is a whole number.")
    assert Record.objects.get().email == "new@b.no"


# --- Cells -------------------------------------------------------------------------------------------------------


def test_blank_cells_clear_when_that_is_wanted(contact: ObjectType) -> None:
    content = "Record ID,Email,City,Phone,Newsletter\n7,a@b.no,Oslo,+47 22 34 56 78,yes\n"
    bring_in(contact, content)
    source = bring_in(contact, "Email,Record ID,City,Phone,Newsletter\na@b.no,, ,,\n", blank_cells="clear")
    record = Record.objects.get()
    assert (source.updated, record.properties, record.external_id) == (1, {"email": "a@b.no"}, None)
    assert record.consent == "given", "a blank cell says nothing about consent"
    assert Event.objects.get().detail["changes"]["city"] == ["Oslo", None]
    assert not EventPending.objects.exists()


@pytest.mark.parametrize(
    ("order", "days"), [("day_first", ["2027-04-03", "2027-03-04"]), ("month_first", ["2027-03-04", "2027-03-04"])]
)
def test_dates_are_read_in_the_order_that_is_said(contact: ObjectType, order: str, days: list[str]) -> None:
    bring_in(contact, "Email,Date of birth\na@b.no,03/04/2027\nc@d.no,2027-03-04\n", date_order=order)
    assert [record.properties["date_of_birth"] for record in Record.objects.order_by("pk")] == days
    source = bring_in(contact, "Email,Create date\na@b.no,12/31/2026 08:15\n", date_order=order)
    assert source.refused == (order == "day_first")


def test_numbers_choices_owners_and_yes_or_no_are_taken_in_their_spellings(contact: ObjectType) -> None:
    make_property("tags", "multiple_choice", options=["Fair", "Web", "Call"])
    make_property("vip", "boolean")
    content = "Email;Score;tags;vip\na@b.no;1 234,5;call;ja\nc@d.no;1.234,5;Web,fair;nei\ne@f.no;7;Post;sant\n"
    source = bring_in(contact, content)
    assert source.refused == 1 and reasons(source)[3][0] == "tags"
    first, second = Record.objects.order_by("pk")
    assert (first.properties["score"], first.properties["tags"], first.properties["vip"]) == (1234.5, ["Call"], True)
    assert (second.properties["score"], second.properties["tags"], second.properties["vip"]) == (
        1234.5,
        ["Fair", "Web"],
        False,
    )


def test_required_and_unique_properties_refuse_a_row_alone(contact: ObjectType) -> None:
    Property.objects.filter(key="city").update(is_required=True)
    Property.objects.filter(key="notes").update(default="Fair")
    make_property("badge", object_type=contact)
    Property.objects.filter(key="badge").update(is_unique=True)
    source = bring_in(contact, "Email,City,badge\na@b.no,Oslo,1\nc@d.no,,2\ne@f.no,Oslo,1\n")
    assert counts(source) == {"rows": 3, "created": 1, "updated": 0, "unchanged": 0, "refused": 2}
    assert {row: column for row, (column, _reason) in reasons(source).items()} == {2: "City", 3: "badge"}
    assert Record.objects.get().properties["notes"] == "Fair"


# --- New properties ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "type"),
    [
        (["1", "2,5", "", "1 000"], "number"),
        (["0047", "12"], "text"),
        (["ja", "NEI", ""], "boolean"),
        (["1", "0"], "number"),
        (["2027-01-31", "1.2.2027"], "date"),
        (["2027-01-31 10:00", "2027-02-01T11:30Z"], "datetime"),
        (["a@b.no", "C@D.se"], "email"),
        (["https://b.no", "www.c.se/x"], "url"),
        (["firma.no"], "text"),
        (["x" * 501], "long_text"),
        (["", " "], "text"),
        (["y", "n"], "text"),
    ],
)
def test_a_type_is_guessed_from_values(cells: list[str], type: str) -> None:
    guess = TypeGuess()
    for cell in cells:
        guess.add(cell)
    assert guess.type == type


def test_new_properties_have_the_type_that_is_chosen(contact: ObjectType) -> None:
    mapping = {
        "E-mail": {"property": "email"},
        "Size": {"new": "Size", "type": "number"},
        "Colour": {"new": "Colour", "type": "choice"},
        "Likes": {"new": "Likes", "type": "multiple_choice"},
        "Word": {"new": "Word"},
    }
    source = bring_in(
        contact, "E-mail;Size;Colour;Likes;Word\na@b.no;42;Red;tea,jam;7\nc@d.no;L;red;Jam;8\n", mapping=mapping
    )
    assert (source.created, source.refused) == (1, 1)
    made = {
        each.key: (each.type, each.options) for each in Property.objects.filter(key__in=["colour", "likes", "word"])
    }
    assert made == {
        "colour": ("choice", ["Red"]),
        "likes": ("multiple_choice", ["tea", "jam"]),
        "word": ("text", []),
    }
    assert Record.objects.get().properties["likes"] == ["tea", "jam"]


def test_a_column_with_too_many_values_is_no_choice_and_nothing_is_left(contact: ObjectType) -> None:
    rows = "".join(f"p{number}@b.no,v{number}\n" for number in range(501))
    before = Property.objects.count()
    mapping = {"Email": {"property": "email"}, "Tag": {"new": "Tag", "type": "choice"}}
    assert refusal(contact, f"Email,Tag\n{rows}", mapping=mapping) == ["mapping.Tag"]
    assert Property.objects.count() == before


# --- Companies ---------------------------------------------------------------------------------------------------


def test_companies_are_found_without_case_or_made_and_are_the_primary_ones(contact: ObjectType) -> None:
    old = make_record("company", name="Åre Ski AB")
    make_record("company", name="Åre Ski AB")
    source = bring_in(contact, "Email,Company\na@b.no,åre ski ab\nc@d.no,Nova\ne@f.no,NOVA\ng@h.no,\n")
    assert source.created == 4
    nova = named("Nova" if Record.objects.filter(properties__name="Nova").exists() else "NOVA")
    assert (nova.import_id, Record.objects.filter(object_type__key="company").count()) == (source.pk, 3)
    pairs = set(Association.objects.filter(is_primary=True).values_list("record__email", "other_id"))
    assert pairs == {("a@b.no", old.pk), ("c@d.no", nova.pk), ("e@f.no", nova.pk)}
    assert Association.objects.filter(record=nova, is_primary=False).count() == 2, "seen from the other side too"
    assert Record.objects.get(email="a@b.no").properties["company_name"] == "åre ski ab"

    again = bring_in(contact, "Email,Company\na@b.no,åre ski ab\nc@d.no,Nova\ne@f.no,NOVA\n")
    assert counts(again) == {"rows": 3, "created": 0, "updated": 0, "unchanged": 3, "refused": 0}


def test_a_company_is_found_again_whatever_letters_its_name_has(contact: ObjectType) -> None:
    names = ["ΟΔΟΣ", "İstanbul AŞ", "STRASSE ẞ", "Ærlig ÅS", "ǅungla"]
    file = "Email,Company\n" + "".join(f"p{n}@b.no,{name}\n" for n, name in enumerate(names))
    assert bring_in(contact, file).created == len(names)
    again = bring_in(contact, file)
    assert counts(again) == {"rows": 5, "created": 0, "updated": 0, "unchanged": 5, "refused": 0}
    assert Record.objects.filter(object_type__key="company").count() == len(names)


def test_another_company_takes_the_first_place_and_that_is_an_update(contact: ObjectType) -> None:
    mapping = {"Email": {"property": "email"}, "Firma": {"associated": "company"}, "N": {"property": "company_name"}}
    bring_in(contact, "Email,Firma,N\na@b.no,Nova,n\n", mapping=mapping)
    source = bring_in(contact, "Email,Firma,N\na@b.no,Fjord,n\n", mapping=mapping)
    assert counts(source)["updated"] == 1
    anne = Record.objects.get(email="a@b.no")
    others = dict(Association.objects.filter(record=anne).values_list("other_id", "is_primary"))
    assert others == {named("Nova").pk: False, named("Fjord").pk: True}


def test_a_company_that_needs_more_than_a_name_is_not_made_and_the_row_says_so(contact: ObjectType) -> None:
    Property.objects.filter(object_type__key="company", key="country").update(is_required=True)
    make_record("company", name="Nova")
    source = bring_in(contact, "Email,Company\na@b.no,nova\nc@d.no,Fjord\n")
    assert (source.created, source.refused) == (1, 1)
    column, reason = reasons(source)[2]
    assert column == "Company" and "“Fjord”" in reason and "Country is required." in reason


def test_associations_are_written_from_both_sides_once_and_within_the_account(
    contact: ObjectType, globex: Account
) -> None:
    anne, per, nova = make_record("contact"), make_record("contact"), make_record("company", name="Nova")
    with account_scope(globex.pk):
        theirs = make_record("company", name="Nova")
    pairs = [(anne.pk, nova.pk), (per.pk, nova.pk), (anne.pk, theirs.pk), (anne.pk, anne.pk), (anne.pk, 10**15)]
    assert associate_many(pairs) == {anne.pk, per.pk}
    assert associate_many(pairs) == set()
    assert Association.objects.count() == 4
    assert associate_many([(anne.pk, nova.pk)], is_primary=True) == {anne.pk}
    assert Association.objects.get(is_primary=True).record_id == anne.pk
    with account_scope(globex.pk):
        assert not Association.objects.exists()


# --- The end -------------------------------------------------------------------------------------------------------


def test_an_import_can_be_stopped_and_what_is_in_stays(
    contact: ObjectType, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 2)
    source = begin(contact, "Email\n" + "".join(f"p{number}@b.no\n" for number in range(5)))
    for _step in ("searched for rows about the same record", "two rows are in"):
        assert import_chunks.import_chunk(source.account_id, source.pk)
    import_lifecycle.stop(source, by=owner)
    assert not import_chunks.import_chunk(source.account_id, source.pk)
    source.refresh_from_db()
    assert (source.status, source.rows, source.created) == (ImportStatus.STOPPED, 2, 2)
    assert Record.objects.count() == 2 and not ImportFile.objects.exists()
    assert History.objects.get(subject="import", verb="stopped").by_name == owner.name
    with pytest.raises(NotAllowed):
        import_lifecycle.stop(source, by=owner)


def test_every_end_lets_dynamic_lists_look_at_everybody_again(contact: ObjectType, globex: Account) -> None:
    ours = List.objects.create(name="Oslo", kind=ListKind.DYNAMIC, object_type=contact, criteria={"all": []})
    with account_scope(globex.pk):
        theirs = List.objects.create(name="Oslo", kind=ListKind.DYNAMIC, object_type=make_object_type(), criteria={})
    source = begin(contact, "Email\na@b.no\n")
    ours.refresh_from_db()
    assert ours.refresh_at is None
    finish(source)
    ours.refresh_from_db()
    assert ours.refresh_at is not None
    with account_scope(globex.pk):
        theirs.refresh_from_db()
        assert theirs.refresh_at is None


def test_rows_about_one_record_are_counted_wherever_they_stand(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "Email,City\na@b.no,Oslo\nA@B.no,Bergen\nc@d.no,Moss\na@b.no,Bodø\nnobody,x\n"
    for size in (1, 2, 100):
        Record.objects.all().delete()
        monkeypatch.setattr(import_chunks, "CHUNK_ROWS", size)
        source = bring_in(contact, content)
        assert source.list is not None
        assert (source.repeated, lists.size(source.list), source.refused) == (2, 2, 1)
        assert Record.objects.get(email="a@b.no").properties["city"] == "Bodø"


def test_a_withdrawn_consent_is_not_revived_and_an_archived_record_not_written(contact: ObjectType) -> None:
    person: dict[str, Any] = {"properties": {"email": "a@b.no"}, "consent": False, "consent_at": "2026-01-01"}
    upsert(contact, [person], match_on="email", source="api")
    source = bring_in(contact, "Email,Newsletter\na@b.no,yes\n")
    assert source.unchanged == 1 and Record.objects.get().consent == "withdrawn"
    bring_in(contact, "Email,Newsletter,Consent date\na@b.no,yes,2026-02-01\n")
    assert Record.objects.get().consent == "given"


def test_an_unterminated_quote_names_its_row_and_what_came_before_stays(contact: ObjectType) -> None:
    good = "".join(f"p{number}@b.no,x\n" for number in range(200))
    source = finish(begin(contact, f'Email,Notes\n{good}last@b.no,"{"y" * 140_000}\n'))
    assert (source.status, source.created) == (ImportStatus.FAILED, 200)
    assert source.problem.startswith("Row 201 cannot be read")


def test_reasons_are_told_in_the_language_of_the_account(contact: ObjectType, inside_acme: Account) -> None:
    Account.objects.filter(pk=inside_acme.pk).update(language="sv")
    source = bring_in(contact, "Email,Score\na@b.no,many\n")
    [told] = RefusedRow.objects.filter(source=source)
    with override("sv"), pytest.raises(ValueError) as expected:
        values.clean(Property.objects.get(object_type=contact, key="score"), "many")
    assert told.reason == str(expected.value)
    with override("en"), pytest.raises(ValueError) as english:
        values.clean(Property.objects.get(object_type=contact, key="score"), "many")
    assert told.reason != str(english.value)


# --- What leaves comes back --------------------------------------------------------------------------------------

ODD = ["=1+1", "+47", "-", "@home", "'", "'=", "''=x", "'quoted'", "it's", '="a"', "'n'", "@", "'+'"]


def test_what_was_refused_comes_back_as_it_was_once_it_is_mended(contact: ObjectType) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["Email", "City", "Notes"])
    # What an export writes of each value, so that the values themselves come in.
    exported = list(csv.reader(io.StringIO(as_csv([[value] for value in ODD]))))
    rows.writerows([f"p{number}", cell, "x"] for number, [cell] in enumerate(exported))
    source = bring_in(contact, text.getvalue())
    assert source.refused == len(ODD)
    assert [row.values["City"] for row in RefusedRow.objects.filter(source=source).order_by("row")] == ODD
    back = "".join(refused_lines(source)).removeprefix("\ufeff")
    for number in range(len(ODD)):
        back = back.replace(f",p{number},", f",p{number}@b.no,")
    mended = bring_in(contact, back)
    assert (mended.created, mended.refused) == (len(ODD), 0)
    assert [each.properties["city"] for each in Record.objects.order_by("pk")] == ODD


def test_only_the_apostrophe_of_an_export_is_taken_away(contact: ObjectType) -> None:
    cells = ["'=1", "'=1", "''=1", "'tis", "O'Hara", "'", "'+1\nsecond line", "-'"]
    read = ["=1", "=1", "'=1", "'tis", "O'Hara", "'", "+1\nsecond line", "-'"]
    text = "Email,City\n" + "".join(f'p{number}@b.no,"{cell}"\n' for number, cell in enumerate(cells))
    bring_in(contact, text)
    assert [each.properties["city"] for each in Record.objects.order_by("pk")] == read


# --- A property that goes away meanwhile -------------------------------------------------------------------------


def test_a_property_is_not_archived_while_an_import_fills_it(
    contact: ObjectType, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 2)
    source = begin(contact, "Email,City\n" + "".join(f"p{number}@b.no,Oslo\n" for number in range(5)))
    for _step in ("searched", "two rows are in"):
        assert import_chunks.import_chunk(source.account_id, source.pk)
    city = Property.objects.get(object_type=contact, key="city")
    with pytest.raises(NotAllowed, match="Fair"):
        archive_property(city, by=owner)
    Property.objects.filter(pk=city.pk).update(archived_at=source.created_at)  # as by a request at the same moment
    assert not import_chunks.import_chunk(source.account_id, source.pk)
    source.refresh_from_db()
    assert (source.status, source.rows) == (ImportStatus.FAILED, 2)
    assert source.problem == "The property of the column “City” was archived after 2 rows."
    city.refresh_from_db()
    archive_property(city, by=owner)

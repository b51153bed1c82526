"""Property-based: a file and the same rows sent over the API lead to the same records and the same refusals."""

import csv
import io
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.merging import IMPORT
from records.models import ObjectType, Record, RefusedRow
from records.upserts import upsert
from tests.records.files import bring_in

HEADERS = {
    "Email": "email",
    "City": "city",
    "Score": "score",
    "Born": "date_of_birth",
    "Made": "created_on",
    "Phone": "phone",
    "Country": "country",
    "Stage": "lifecycle_stage",
}
FIELDS = {"Ext": "external_id", "Consent": "consent", "When": "consent_at", "Left": "former_employee"}
MAPPING = {name: {"property": key} for name, key in HEADERS.items()} | {
    name: {"field": field} for name, field in FIELDS.items()
}
# Without apostrophes: one before "=" is none of a file's cell, and is data to a program.
odd = st.text(st.characters(exclude_characters="\0'", exclude_categories=("Cs",)), max_size=6)
CELLS = {
    "Email": st.sampled_from(
        ["a@b.no", "A@B.no", " c@d.se ", "c@d.se", "x.y@mail.b.no", "no", "a@-b.no", "å@b.no", ".a@b.no", "a@b", ""]
    ),
    "City": st.sampled_from(["Oslo", " Oslo", "", "=1+1", "a\tb\\n", 'x"y', "two\nlines"]) | odd,
    "Score": st.sampled_from(["1", "1,5", "1.234,5", "07", "x", "", "1e5", "-3"]),
    "Born": st.sampled_from(["2000-02-29", "2001-02-29", "29.02.2000", "1.2.99", "", "2000-2-9"]),
    "Made": st.sampled_from(["2022-12-28 05:03", "2022-03-27 02:30", "2022-12-28", "28.12.2022 5:03", ""]),
    "Phone": st.sampled_from(["22 34 56 78", "+47 22345678", "070-123 45 67", "0047 22345678", "1", "x", ""]),
    "Country": st.sampled_from(["NO", "se", "", "Norway"]),
    "Stage": st.sampled_from(["Lead", "lead", "Nobody", ""]),
    "Ext": st.sampled_from(["1", "2", " 2", "", "3\t"]),
    "Consent": st.sampled_from(["yes", "no", "withdrawn", "", "perhaps"]),
    "When": st.sampled_from(["2026-01-01", "2025-01-01 12:00", "", "soon"]),
    "Left": st.sampled_from(["ja", "nei", ""]),
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=8)


class Undo(Exception):
    """Takes back what one way of coming in has written."""


def as_given(row: dict[str, str]) -> dict[str, Any]:
    """A row of the file as a program would send it, without what is blank."""
    said = {name: cell for name, cell in row.items() if cell.strip()}
    properties = {HEADERS[name]: cell for name, cell in said.items() if name in HEADERS}
    return {"properties": properties, **{FIELDS[name]: cell for name, cell in said.items() if name in FIELDS}}


def end() -> list[Any]:
    return list(
        Record.objects.order_by("pk").values_list(
            "properties", "external_id", "consent", "consent_at", "former_employee", "archived_at"
        )
    )


@pytest.mark.parametrize("match_on", ["email", "external_id"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ROWS, rows=ROWS, archived=st.booleans())
def test_a_file_and_the_same_rows_over_the_api_end_alike(
    contact: ObjectType,
    match_on: str,
    before: list[dict[str, str]],
    rows: list[dict[str, str]],
    archived: bool,
) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(CELLS))
    writer.writeheader()
    writer.writerows(rows)
    ends: list[Any] = []
    for way in ("file", "rows"):
        try:
            with transaction.atomic():
                upsert(contact, [as_given(row) for row in before], match_on=match_on, source="api")
                if archived and (first := Record.objects.order_by("pk").first()):
                    Record.objects.filter(pk=first.pk).update(archived_at=first.created_at)
                ends.append([by_file, by_rows][way == "rows"](contact, match_on, text.getvalue(), rows))
                raise Undo
        except Undo:
            pass
    assert ends[0] == ends[1]


def by_file(contact: ObjectType, match_on: str, text: str, rows: list[dict[str, str]]) -> Any:
    source = bring_in(contact, text, match_on=match_on, mapping=MAPPING, delimiter=",", encoding="utf-8")
    # A file may tell the faults of a row in the order of its columns.
    refused = {row.row: sorted(row.reason) for row in RefusedRow.objects.filter(source=source)}
    return end(), (source.created, source.updated, source.unchanged), refused


def by_rows(contact: ObjectType, match_on: str, text: str, rows: list[dict[str, str]]) -> Any:
    filled = [row for row in rows if any(cell.strip() for cell in row.values())]
    results = upsert(contact, [as_given(row) for row in filled], match_on=match_on, source=IMPORT)
    counted = tuple(sum(each.status == status for each in results) for status in ("created", "updated", "unchanged"))
    refused = {n: sorted(" ".join(e.message for e in each.errors)) for n, each in enumerate(results, 1) if each.errors}
    return end(), counted, refused

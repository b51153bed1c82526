"""Imports whose rows are matched by nothing: of deals, companies and others without an address or an external id."""

from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from records import import_chunks, list_entries
from records.import_chunks import import_chunk
from records.models import Import, ListEntry, ObjectType, Record, RefusedRow
from tests.records.files import begin, bring_in, counts, refusal

DEALS = """Deal name,Amount,Stage,Company,Notes,Owner
Big,1000,Open,Nova,,
Big,2000,Sold,nova,,
Small,x,Open,Nova,,
,,,,,
"""


@pytest.fixture
def deal(contact: ObjectType) -> ObjectType:
    """Deals, which have neither an address nor often an external id."""
    return ObjectType.objects.get(key="deal")


@pytest.mark.parametrize("mode", ["both", "create"])
def test_rows_matched_by_nothing_make_a_record_each(deal: ObjectType, mode: str) -> None:
    for times in (1, 2):
        source = bring_in(deal, DEALS, match_on="new", mode=mode)
        assert counts(source) == {"rows": 3, "created": 2, "updated": 0, "unchanged": 0, "refused": 1}
        assert (source.repeated, ListEntry.objects.filter(list=source.list).count()) == (0, 2)
        assert [each.properties["amount"] for each in records_of(deal)] == [1000, 2000] * times
    assert Record.objects.filter(object_type__key="company").count() == 1


def reasons(source: Import) -> dict[int, tuple[str, str]]:
    return {row.row: (row.column, row.reason) for row in RefusedRow.objects.filter(source=source)}


def records_of(object_type: ObjectType) -> list[Record]:
    return list(Record.objects.filter(object_type=object_type).order_by("pk"))


def test_rows_matched_by_nothing_come_in_once_whatever_happens_to_the_worker(
    deal: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", 3)
    monkeypatch.setattr(import_chunks, "CHUNK_BYTES", 60)
    source = begin(deal, "Deal name\n" + "".join(f"Deal {number}\n" for number in range(20)), match_on="new")
    put_in, calls = list_entries.put_in, Counter[str]()

    class Killed(BaseException):
        pass

    def dies_now_and_then(*args: Any, **more: Any) -> int:
        """After the records of a chunk are written, before its place is."""
        calls["add"] += 1
        if calls["add"] in (1, 3, 4):
            raise Killed
        return put_in(*args, **more)

    monkeypatch.setattr(list_entries, "put_in", dies_now_and_then)
    has_more = True
    while has_more:
        with suppress(Killed):
            has_more = import_chunk(source.account_id, source.pk)
    assert calls["add"] == 7 + 3
    source.refresh_from_db()
    assert counts(source) == {"rows": 20, "created": 20, "updated": 0, "unchanged": 0, "refused": 0}
    assert [each.name for each in records_of(deal)] == [f"Deal {number}" for number in range(20)]


def test_external_ids_and_unique_values_stay_with_who_has_them_when_nothing_is_matched(deal: ObjectType) -> None:
    text = "Deal name,External id\nBig,1\nBig,2\nOther,1\n"
    assert counts(bring_in(deal, text, match_on="new"))["created"] == 2
    again = bring_in(deal, text, match_on="new")
    assert (again.created, again.refused) == (0, 3)
    assert {reason for _column, reason in reasons(again).values()} == {"Another record has this external id."}


def test_a_row_that_says_nothing_makes_no_record(deal: ObjectType) -> None:
    mapping = {"Deal name": {"property": "name"}, "Company": {"associated": "company"}}
    text = "Deal name,Colour,Company\nBig,red,\n,blue,\n,,Nova\n"
    for blank_cells in ("leave", "clear"):
        source = bring_in(deal, text, match_on="new", mapping=mapping, blank_cells=blank_cells)
        assert (source.created, source.refused) == (2, 1)
        assert reasons(source)[2] == ("", "The row is blank in every column that is imported.")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"mode": "update"}, "mode"),
        ({"mapping": {"Deal name": None}}, "match_on"),
        ({"mapping": {"Deal name": {"field": "id"}}}, "mapping.Deal name"),
    ],
)
def test_what_cannot_be_matched_by_nothing_is_refused(deal: ObjectType, more: dict[str, Any], path: str) -> None:
    assert refusal(deal, "Deal name\nBig\n", match_on="new", **more) == [path]

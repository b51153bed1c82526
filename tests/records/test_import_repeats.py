"""Rows about the same record in chunks far apart: the last one counts, and the file once more changes nothing."""

import csv
import io
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actors import Actor
from records import import_chunks, import_lifecycle, import_repeats
from records.import_chunks import import_chunk
from records.import_repeats import Sieve
from records.models import HeldRow, Import, ImportSieve, ImportStatus, ObjectType, Record, RefusedRow
from tests.records.files import EXPORT, begin, bring_in, counts, finish

HEADERS = ("Email", "City", "Score", "Company")


def text_of(rows: list[tuple[str, ...]], headers: tuple[str, ...] = HEADERS) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headers)
    writer.writerows(rows)
    return text.getvalue()


def people() -> list[Any]:
    return list(
        Record.objects.filter(object_type__key="contact")
        .order_by("email", "pk")
        .values_list("properties", "external_id", "updated_at")
    )


def in_small_chunks(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(import_chunks, "CHUNK_ROWS", rows)


def test_the_export_matched_by_address_changes_nothing_when_it_comes_again(contact: ObjectType) -> None:
    first = bring_in(contact, EXPORT.read_bytes())
    before = people()
    again = bring_in(contact, EXPORT.read_bytes())
    assert (again.created, again.updated, again.refused) == (0, 0, first.refused)
    assert (again.rows, again.repeated) == (10_000, first.repeated)
    assert people() == before
    assert not HeldRow.objects.exists() and not ImportSieve.objects.exists()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a@b.no", "A@b.no ", "c@d.no", "e@f.no", "g@h.no", "no", ""]),
            st.sampled_from(["Oslo", "Bergen", ""]),
            st.sampled_from(["1", "2", "x", ""]),
            st.sampled_from(["Firma", "Bolag", ""]),
        ).filter(any),
        min_size=1,
        max_size=14,
    ),
    size=st.integers(1, 5),
)
def test_chunks_of_any_size_end_as_one_chunk_does_and_again_changes_nothing(
    contact: ObjectType, rows: list[tuple[str, ...]], size: int
) -> None:
    ends = []
    for chunk_rows in (5_000, size):
        Record.objects.all().delete()
        with pytest.MonkeyPatch.context() as patch:
            in_small_chunks(patch, chunk_rows)
            if chunk_rows == size:
                patch.setattr(import_repeats, "STEP_BYTES", 20)
                patch.setattr(import_repeats, "AT_ONCE", 2)
            source = bring_in(contact, text_of(rows))
            ends.append((counts(source), source.repeated, [each[0] for each in people()]))
            before = people()
            again = bring_in(contact, text_of(rows))
            assert (again.created, again.updated, again.refused) == (0, 0, source.refused)
            assert again.repeated == source.repeated and people() == before
            refused = list(RefusedRow.objects.filter(source=source).order_by("row").values_list("row", flat=True))
            assert refused == [number for number, row in enumerate(rows, 1) if is_bad(row)]
    assert ends[0] == ends[1]


def is_bad(row: tuple[str, ...]) -> bool:
    return "@" not in row[0] or row[2] == "x"


def test_a_last_row_that_is_refused_leaves_the_one_before_it_to_count(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("a@b.no", "Oslo", "1", ""), ("c@d.no", "Moss", "2", ""), ("a@b.no", "Bergen", "x", "")]
    for size in (1, 5_000):
        in_small_chunks(monkeypatch, size)
        Record.objects.all().delete()
        source = bring_in(contact, text_of(rows))
        assert counts(source) == {"rows": 3, "created": 2, "updated": 0, "unchanged": 0, "refused": 1}
        assert source.repeated == 0
        assert [each.row for each in RefusedRow.objects.filter(source=source)] == [3]
        assert Record.objects.get(email="a@b.no").properties["city"] == "Oslo"


@pytest.mark.parametrize("match_on", ["external_id", "id"])
def test_rows_matched_by_other_ids_are_taken_together_too(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch, match_on: str
) -> None:
    in_small_chunks(monkeypatch, 2)
    bring_in(contact, text_of([("7", "Oslo"), ("8", "Moss")], ("Record ID", "City")), match_on="external_id")
    first, second = Record.objects.order_by("pk")
    keys = ("7", "8") if match_on == "external_id" else (str(first.pk), str(second.pk))
    text = text_of([(keys[n % 2], city) for n, city in enumerate("abcdefg")], ("Record ID", "City"))
    for updated in (2, 0):
        source = bring_in(contact, text, match_on=match_on)
        assert counts(source) == {"rows": 7, "created": 0, "updated": updated, "unchanged": 7 - updated, "refused": 0}
        assert source.repeated == 5
    assert [each.properties["city"] for each in Record.objects.order_by("pk")] == ["g", "f"]


def test_of_too_many_rows_about_one_record_the_last_are_taken(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_chunks(monkeypatch, 4)
    monkeypatch.setattr(import_repeats, "MOST_TOGETHER", 3)
    rows = [("a@b.no", f"City {number}", "", "") for number in range(10)] + [("z@b.no", "Moss", "", "")] * 2
    source = bring_in(contact, text_of(rows))
    assert counts(source) == {"rows": 12, "created": 2, "updated": 0, "unchanged": 10, "refused": 0}
    assert source.repeated == 10
    assert Record.objects.get(email="a@b.no").properties["city"] == "City 9"


def test_a_worker_that_dies_while_searching_or_taking_the_rest_leaves_no_trace(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_chunks(monkeypatch, 3)
    monkeypatch.setattr(import_repeats, "STEP_BYTES", 100)
    monkeypatch.setattr(import_repeats, "MOST_TOGETHER", 4)
    chance = random.Random(5)
    text = text_of([(f"p{chance.randrange(9)}@b.no", f"City {n}", str(n), "") for n in range(40)])
    smooth = counts(bring_in(contact, text))
    expected = [each[0] for each in people()]
    Record.objects.all().delete()

    class Killed(BaseException):
        pass

    def dies(*args: Any, **more: Any) -> bool:
        """At the end of a step, before it commits."""
        move(*args, **more)
        if chance.random() < 0.4:
            raise Killed
        return True

    move = import_lifecycle.move
    monkeypatch.setattr(import_repeats, "move", dies)
    monkeypatch.setattr(import_chunks, "move", dies)
    source, more, deaths = begin(contact, text), True, 0
    while more:
        try:
            more = import_chunk(source.account_id, source.pk)
        except Killed:
            deaths += 1
    assert deaths > 5
    assert counts(finish(source)) == smooth
    assert [each[0] for each in people()] == expected


def test_an_import_is_stopped_while_it_searches_and_while_rows_are_set_aside(
    contact: ObjectType, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_chunks(monkeypatch, 2)
    monkeypatch.setattr(import_repeats, "STEP_BYTES", 30)
    text = text_of([(f"p{n % 3}@b.no", f"City {n}", "", "") for n in range(6)] + [("q@b.no", "x", "", "")] * 1)
    for steps in (1, 6):
        source = begin(contact, text)
        for _step in range(steps):
            assert import_chunk(source.account_id, source.pk)
        source.refresh_from_db()
        assert source.status == ImportStatus.RUNNING and source.searched_byte > 0
        assert HeldRow.objects.exists() == (steps > 1)
        import_lifecycle.stop(source, by=owner)
        source.refresh_from_db()
        assert source.rows == source.rows_done == 0
        assert not HeldRow.objects.exists() and not ImportSieve.objects.exists()
        assert not import_chunk(source.account_id, source.pk)


def test_a_file_that_breaks_off_brings_in_what_was_set_aside_before_it_fails(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_chunks(monkeypatch, 2)
    rows = [("a@b.no", "Oslo", "", ""), ("c@d.no", "", "", ""), ("e@d.no", "", "", ""), ("a@b.no", "Moss", "", "")]
    text = text_of([*rows, ("z@b.no", "x" * 140_000, "", "")])
    source = bring_in(contact, text)
    assert source.status == ImportStatus.FAILED and source.problem.startswith("Row 5 cannot be read")
    assert counts(source) == {"rows": 4, "created": 3, "updated": 0, "unchanged": 1, "refused": 0}
    assert Record.objects.get(email="a@b.no").properties["city"] == "Moss"


def test_an_import_that_was_half_way_before_rows_were_set_aside_goes_on(
    contact: ObjectType, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_chunks(monkeypatch, 2)
    source = begin(contact, text_of([(f"p{n}@b.no", "Oslo", "", "") for n in range(5)]))
    while not Record.objects.exists():
        import_chunk(source.account_id, source.pk)
    ImportSieve.objects.all().delete()
    Import.objects.update(searched_byte=0)
    assert finish(source).created == 5


def test_a_sieve_misses_no_key_and_is_no_larger_for_a_larger_file() -> None:
    keys = [f"p{number}@firma.example" for number in range(5_000)]
    sieve = Sieve.for_bytes(100_000)
    for key in [*keys, *keys[::7]]:
        sieve.add(key)
    assert all(sieve.catches(key) for key in keys[::7])
    alone = set(keys) - set(keys[::7])
    assert sum(map(sieve.catches, alone)) < len(alone) / 10
    assert len(Sieve.for_bytes(10**10).twice) == len(Sieve.for_bytes(2 * 10**9).twice) == import_repeats.MOST_BITS // 8

"""Refused rows that come back mended mean what they meant in the file that they were in."""

import io

from records.import_again import earlier
from records.import_refusals import refused_lines
from records.importing import take_in
from records.models import DateOrder, DecimalMark, Import, ObjectType, Record

from .files import bring_in

ROWS = "Email;Score;Date of birth\nnobody;12,500;03/04/1990\nnoone;1,500;05/06/1990\n"
CHOSEN = {"decimal_mark": DecimalMark.COMMA, "date_order": DateOrder.MONTH_FIRST}


def refused_by(source: Import, mended: str = "nobody") -> str:
    """The file of its refused rows, one of them with an address now."""
    return "".join(refused_lines(source, delimiter=";")).replace(mended, f"{mended}@b.no")


def draft(contact: ObjectType, text: str) -> Import:
    return take_in(name="Again", object_type=contact, file=io.BytesIO(text.encode()))


def test_numbers_and_dates_of_refused_rows_are_read_as_was_chosen_for_them(contact: ObjectType) -> None:
    first = bring_in(contact, ROWS, **CHOSEN)
    assert first.refused == 2
    again = draft(contact, refused_by(first))
    assert (again.decimal_mark, again.date_order) == (DecimalMark.COMMA, DateOrder.MONTH_FIRST)
    second = bring_in(contact, refused_by(first), date_order=DateOrder.MONTH_FIRST)
    assert (second.created, second.refused) == (1, 1)
    assert draft(contact, refused_by(second, "noone")).decimal_mark == DecimalMark.COMMA, "and a third time"
    stored = Record.objects.get().properties
    assert (stored["score"], stored["date_of_birth"]) == (12.5, "1990-03-04")


def test_the_latest_import_of_such_columns_decides_and_another_choice_goes_before_it(contact: ObjectType) -> None:
    bring_in(contact, ROWS, **CHOSEN)
    latest = bring_in(contact, ROWS, decimal_mark=DecimalMark.POINT)
    again = draft(contact, refused_by(latest))
    assert (earlier(again), again.decimal_mark) == (latest, DecimalMark.POINT)
    assert bring_in(contact, refused_by(latest), **CHOSEN).decimal_mark == DecimalMark.COMMA


def test_other_files_are_guessed_anew(contact: ObjectType) -> None:
    text = refused_by(bring_in(contact, ROWS, **CHOSEN))
    for other in (ROWS, text.replace("reason", "why"), text.replace("Score", "Points")):
        again = draft(contact, other)
        assert (earlier(again), again.decimal_mark) == (None, DecimalMark.POINT)

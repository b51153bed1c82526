"""The decimal mark of a file: told by its numbers, by the account, or by whoever imports it."""

import io
import tracemalloc
from typing import Any

import pytest

from accounts.models import Account
from records import importing, values
from records.import_numbers import as_meant, guess_mark, told_by
from records.import_preview import look_at
from records.importing import Terms
from records.models import DecimalMark, Import, ObjectType, Property, PropertyType, Record, RefusedRow
from tests.make import make_property

from .files import begin, bring_in, finish, refusal

MINUS = "\N{MINUS SIGN}"
POINT, COMMA = DecimalMark.POINT.value, DecimalMark.COMMA.value


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        *[(text, COMMA) for text in ("1.234,5", "3,75", "1.234.567", "1234,567", "0,500", "-0,500", "1 234,567")],
        *[
            (text, POINT)
            for text in ("1,234.5", "3.75", "1,234,567", "1234.567", "0.500", f"{MINUS}1,234,567", "1'234.567")
        ],
        *[
            (text, None)
            for text in (
                "12,500",
                "12.500",
                "-1.234",
                "+1,234",
                f"{MINUS}1.234",
                "1234",
                "1 234",
                "x",
                "",
                "12.03.2027",
            )
        ],
    ],
)
def test_a_number_may_tell_the_decimal_mark(text: str, mark: str | None) -> None:
    assert told_by(text) == mark


@pytest.mark.parametrize(
    ("text", "by_point", "by_comma"),
    [
        ("12,500", "12500", "12,500"),
        ("12.500", "12.500", "12500"),
        ("-1.234", "-1.234", "-1234"),
        (f"{MINUS}1,234", f"{MINUS}1234", f"{MINUS}1,234"),
        ("3,75", "3,75", "3,75"),
        ("0.500", "0.500", "0.500"),
        ("1234,567", "1234,567", "1234,567"),
        ("x", "x", "x"),
    ],
)
def test_the_mark_decides_only_what_the_number_leaves_open(text: str, by_point: str, by_comma: str) -> None:
    assert (as_meant(text, POINT), as_meant(text, COMMA)) == (by_point, by_comma)


def scores(contact: ObjectType, *cells: str, **more: Any) -> tuple[str, list[Any]]:
    """The mark of a file with these scores, and what came in."""
    rows = "".join(f"p{number}@b.no;{cell}\n" for number, cell in enumerate(cells))
    source = bring_in(contact, f"Email;Score\n{rows}", **more)
    return source.decimal_mark, [each.properties.get("score") for each in Record.objects.order_by("pk")]


@pytest.mark.parametrize(
    ("cells", "mark", "stored"),
    [
        (("12,500", "1,234,567"), POINT, [12_500, 1_234_567]),
        (("12,500", "3,75"), COMMA, [12.5, 3.75]),
        (("12.500", "1.234.567"), COMMA, [12_500, 1_234_567]),
        (("12.500", "1.234,5"), COMMA, [12_500, 1234.5]),
        (("12.500", "0.25"), POINT, [12.5, 0.25]),
        (("12,500", "1.5", "2.5", "3,5"), POINT, [12_500, 1.5, 2.5, 3.5]),
    ],
)
def test_numbers_that_tell_decide_for_those_that_do_not(
    contact: ObjectType, cells: tuple[str, ...], mark: str, stored: list[Any]
) -> None:
    assert scores(contact, *cells) == (mark, stored)


@pytest.mark.parametrize(
    ("language", "country", "mark", "stored"),
    [
        ("en", "", POINT, [12_500, 12.5]),
        ("nb", "", COMMA, [12.5, 12_500]),
        ("sv", "", COMMA, [12.5, 12_500]),
        ("en", "NO", COMMA, [12.5, 12_500]),
        ("nb", "GB", POINT, [12_500, 12.5]),
        ("xx", "", POINT, [12_500, 12.5]),
        ("en", "ZZ", POINT, [12_500, 12.5]),
    ],
)
def test_numbers_that_tell_nothing_are_read_as_is_usual_where_the_account_is(
    contact: ObjectType, language: str, country: str, mark: str, stored: list[Any]
) -> None:
    Account.objects.filter(pk=contact.account_id).update(language=language, country=country)
    assert scores(contact, "12,500", "12.500") == (mark, stored)


@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("kr 12 500", 12_500),
        ("kr. 12\u00a0500", 12_500),
        ("12\u202f500,50 kr", 12_500.5),
        ("NOK 1 200", 1_200),
        ("1200sek", 1_200),
        ("€ 12.50", 12.5),
        ("$1,234.50", 1_234.5),
        ("-$1,234.50", -1_234.5),
        (f"{MINUS}kr 500", -500),
        ("£ -5", -5),
        ("1 200,-", 1_200),
        ("kr 1.200,\N{EN DASH}", 1_200),
        ("1 200:- kr", 1_200),
        ("kr 12,500", 12_500),
    ],
)
def test_an_amount_comes_in_without_its_currency(contact: ObjectType, cell: str, stored: float) -> None:
    assert scores(contact, f'"{cell}"', decimal_mark=POINT) == (POINT, [stored])


@pytest.mark.parametrize(
    "cell",
    [
        "12 %",
        "kr 5 kr",
        "kr",
        "us$ 5",
        "5 kroner",
        "5-",
        "($5)",
        "-kr -5",
        "- 5 kr",
        "1,5,-",
        "12,500,-",
        "kr 1 2",
        "CHF 5",
    ],
)
def test_what_is_no_plain_amount_stays_refused_as_it_is(contact: ObjectType, cell: str) -> None:
    source = bring_in(contact, f'Email;Score\na@b.no;"{cell}"\n')
    assert RefusedRow.objects.get(source=source).reason == f"“{cell}” is not a number."


@pytest.mark.parametrize(
    ("cells", "mark"), [(("kr 12.500", "kr 3,75"), COMMA), (("€ 12,500", "€ 3.75"), POINT), (("12.500,-",), COMMA)]
)
def test_amounts_tell_the_decimal_mark_too(contact: ObjectType, cells: tuple[str, ...], mark: str) -> None:
    assert scores(contact, *cells)[0] == mark
    rows = "".join(f"a@b.no;{cell}\n" for cell in cells)
    assert begin(contact, f"Email;Price\n{rows}").decimal_mark == mark, "in a column that belongs nowhere"


def test_a_single_record_takes_no_currency(contact: ObjectType) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        values.clean(Property.objects.get(object_type=contact, key="score"), "kr 12 500")


def test_a_column_of_amounts_is_suggested_as_text_as_its_currency_is_not_kept(contact: ObjectType) -> None:
    source = begin(contact, "Email;Price\na@b.no;kr 500\nb@b.no;€ 500\n")
    assert importing.guess_types(source, {"Price"}) == {"Price": "text"}


def test_what_was_chosen_goes_before_what_the_numbers_say(contact: ObjectType) -> None:
    assert scores(contact, "12,500", "3,75", decimal_mark=POINT) == (POINT, [12_500, 3.75])


def test_other_columns_tell_only_when_they_are_numbers_and_belong_nowhere(contact: ObjectType) -> None:
    make_property("code", object_type=contact)
    text = "Email;Score;{header};Note to self\na@b.no;12,500;3,75;1,5\nb@b.no;1;{cell};x\n"
    assert begin(contact, text.format(header="Weight", cell="2")).decimal_mark == COMMA
    assert begin(contact, text.format(header="Weight", cell="heavy")).decimal_mark == POINT, "as is usual in English"
    assert begin(contact, text.format(header="Code", cell="2")).decimal_mark == POINT, "a text"
    mapping = {"Email": {"property": "email"}, "Weight": {"new": "Weight", "type": "number"}}
    assert begin(contact, text.format(header="Weight", cell="heavy"), mapping=mapping).decimal_mark == COMMA


def test_a_mark_that_is_none_is_refused(contact: ObjectType) -> None:
    assert refusal(contact, "Email\na@b.no\n", decimal_mark="dot") == ["decimal_mark"]
    assert refusal(contact, "Email\na@b.no\n", decimal_mark="") == ["decimal_mark"]


def draft(contact: ObjectType, text: str) -> Import:
    return importing.take_in(name="Fair", object_type=contact, file=io.BytesIO(text.encode()))


def test_another_delimiter_has_the_mark_guessed_anew(contact: ObjectType) -> None:
    source = draft(contact, 'Email;Score\na@b.no;"3,75"\nb@b.no;"12,500"\n')
    assert source.decimal_mark == COMMA
    importing.read_again(source, encoding="utf-8", delimiter=",")
    source.refresh_from_db()
    assert source.decimal_mark == POINT


def test_a_preview_shows_what_will_be_stored_and_the_cell_where_it_cannot_be_read(contact: ObjectType) -> None:
    make_property("interests", PropertyType.MULTIPLE_CHOICE, options=["Ski", "Sail"], object_type=contact)
    source = draft(
        contact, 'Email,Score,Date of birth,Weight,Interests\nA@B.no,"12,500",03/04/1990,"1,5",sail;SKI\n,,soon,x,\n'
    )
    mapping = {**source.mapping, "Weight": {"new": "Weight", "type": "number"}}
    for terms, number, day in (
        (Terms(decimal_mark=POINT, date_order="month_first"), 12_500, "1990-03-04"),
        (Terms(decimal_mark=COMMA), 12.5, "1990-04-03"),
    ):
        importing.settle(source, name="Fair", mapping=mapping, terms=terms)
        seen = look_at(source)
        assert [cell.value for cell in seen.rows[0]] == ["a@b.no", number, day, 1.5, ["Ski", "Sail"]]
    assert [(cell.text, bool(cell.problem)) for cell in seen.rows[1]] == [
        ("", False),
        ("", False),
        ("soon", True),
        ("x", True),
        ("", False),
    ]
    assert [cell.value for cell in seen.rows[1]] == [None] * 5
    weight = seen.columns[3]
    assert (weight.misfits, weight.problem) == (1, "“x” is not a number.")


def test_a_preview_agrees_with_what_a_new_property_refuses(contact: ObjectType) -> None:
    source = draft(contact, "Email,Weight,Kind of\na@b.no,1,New\nb@b.no,x,Old\n")
    mapping = source.mapping | {
        "Weight": {"new": "Weight", "type": "number"},
        "Kind of": {"new": "Kind of", "type": "choice"},
    }
    importing.settle(source, name="Fair", mapping=mapping, terms=Terms())
    seen = look_at(source)
    assert [cell.text for cell in seen.rows[0]] == ["a@b.no", "1", "New"]
    importing.start(source, name="Fair", mapping=mapping, terms=Terms())
    assert finish(source).refused == seen.faulty == 1


def test_guessing_the_mark_holds_no_rows(contact: ObjectType) -> None:
    row = f"a@b.no;3,75;{'x' * 100_000}\n".encode()
    file = io.BytesIO(b"Email;Score;Other\n" + row * 200)
    source = importing.take_in(name="Long", object_type=contact, file=file)
    tracemalloc.start()
    assert guess_mark(source) == COMMA
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 * 1024**2 < len(row) * 200

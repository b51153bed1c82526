"""Imports: what other systems and spreadsheets write in their own way."""

import io

import pytest
from django.utils.translation import override

from accounts.models import Account, Member, User
from records import importing
from records.import_refusals import refused_lines
from records.models import DateOrder, Import, ObjectType, Record
from records.numbers import number_in_words
from tests.make import make_object_type
from tests.records.files import bring_in, counts, finish


@pytest.fixture
def contact(in_acme: Account) -> ObjectType:
    """The object type of people."""
    return make_object_type()


def draft(object_type: ObjectType, content: str) -> Import:
    return importing.take_in(name="Fair", object_type=object_type, file=io.BytesIO(content.encode()))


def begun(source: Import) -> Import:
    """A draft started as it stands, and worked through."""
    importing.start(source, name=source.name, mapping=source.mapping, terms=importing.Terms.of(source))
    return finish(source)


def join(account: Account, name: str, email: str) -> int:
    user = User.objects.create_user(email=email, password=None, name=name)
    return int(Member.objects.create(account=account, user=user).pk)


def test_an_owner_is_known_by_the_name_that_only_one_member_has(contact: ObjectType, in_acme: Account) -> None:
    kari = join(in_acme, "Kari Lie", "kari@acme.example")
    join(in_acme, "Ola Vik", "ola@acme.example")
    join(in_acme, "Ola Vik", "ola2@acme.example")
    source = bring_in(contact, "Email,Contact owner\na@b.no,KARI LIE\nc@d.no,Ola Vik\n")
    assert counts(source) == {"rows": 2, "created": 1, "updated": 0, "unchanged": 0, "refused": 1}
    assert Record.objects.get(email="a@b.no").properties["owner"] == kari


def test_nobody_takes_the_address_of_another_as_a_name(contact: ObjectType, in_acme: Account) -> None:
    kari = join(in_acme, "Kari Lie", "kari@acme.example")
    join(in_acme, "kari@acme.example", "ola@acme.example")
    bring_in(contact, "Email,Contact owner\na@b.no,kari@acme.example\n")
    assert Record.objects.get(email="a@b.no").properties["owner"] == kari


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["3/14/1975", "1/2/1980"], DateOrder.MONTH_FIRST),
        (["14/3/1975", "1/2/1980"], DateOrder.DAY_FIRST),
        (["1/2/1980"], DateOrder.DAY_FIRST),
        (["3/14/1975", "14.3.1975", "15.3.1975 10:00"], DateOrder.DAY_FIRST),
        (["3/44/1975"], DateOrder.DAY_FIRST),
    ],
)
def test_a_date_that_can_only_be_read_in_one_way_tells_the_order(
    contact: ObjectType, dates: list[str], order: DateOrder
) -> None:
    source = draft(contact, "Birthday\n" + "".join(f"{each}\n" for each in dates))
    assert source.date_order == order


def test_what_outlook_writes_for_no_date_is_none(contact: ObjectType) -> None:
    source = begun(draft(contact, "E-mail Address,Birthday\na@b.no,3/14/1975\nc@d.no,0/0/00\n"))
    assert source.refused == 0
    found = {each.email: each.properties.get("date_of_birth") for each in Record.objects.all()}
    assert found == {"a@b.no": "1975-03-14", "c@d.no": None}


@pytest.mark.parametrize(
    ("key", "header", "matched"),
    [
        ("contact", "Name", "email"),
        ("contact", "Customer number", "external_id"),
        ("contact", "Customer number;Email", "email"),
        ("company", "Name", "name"),
        ("company", "Customer number;Name", "external_id"),
        ("company", "Id in Flyt;Name", "id"),
        ("company", "Id in Flyt;Name;Email", "id"),
        ("company", "Name;Email", "name"),
        ("contact", "Id in Flyt;First name", "id"),
        ("deal", "Name;Amount", "new"),
    ],
)
def test_rows_are_matched_by_what_the_file_has(in_acme: Account, key: str, header: str, matched: str) -> None:
    source = draft(make_object_type(key), f"{header}\n1;2\n")
    assert source.match_on == matched


def test_sales_are_known_by_what_superoffice_calls_them(in_acme: Account) -> None:
    source = draft(make_object_type("deal"), "Salgsnavn;Beløp;Salgsdato\nKake;125 000,00;15.12.2026\n")
    assert [(target or {}).get("property") for target in source.mapping.values()] == ["name", "amount", "close_date"]


def test_refused_rows_come_back_parted_as_the_file_was(contact: ObjectType) -> None:
    source = bring_in(contact, "E-post;Sted\ningen;Bø, Telemark\n")
    text = "".join(refused_lines(source, delimiter=source.delimiter))
    assert text.splitlines()[0] == "\ufeffrow;column;reason;E-post;Sted"
    assert bring_in(contact, text.replace("ingen;", "a@b.no;")).created == 1


@pytest.mark.parametrize(
    ("number", "language", "words"),
    [
        (12840, "nb", "12 840"),
        (100.0, "nb", "100"),
        (12840.5, "nb", "12 840,5"),
        (-1246.1, "sv", "-1 246,1"),
        (0.125, "en", "0.125"),
        (1e-7, "nb", "0,0000001"),
    ],
)
def test_a_number_reads_as_its_readers_write_it(number: float, language: str, words: str) -> None:
    with override(language):
        assert number_in_words(number).replace("\N{NARROW NO-BREAK SPACE}", " ") == words

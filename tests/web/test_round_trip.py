"""What Flyt exports comes back as it was: every type of property, in every language, however rows are matched."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client

from accounts import members
from accounts.actors import Actor
from accounts.models import Account, Member
from accounts.tenancy import account_scope
from records import exporting
from records.export_header import header_of
from records.import_chunks import import_chunk
from records.import_mapping import guess, with_some_id
from records.importing import Terms, start_import
from records.models import Association, Consent, Import, ObjectType, PropertyType, Record
from scheduling.clock import now
from tests.make import make_contact, make_object_type, make_property, make_record
from web.record_table import Table

ODD = [
    "=1+1",
    "+47 1",
    "-1",
    "@sum",
    "'=1",
    "''@",
    "'tis",
    'say "=1"; no',
    "two\nlines\r\nthree\rfour",
    "12.500",
    "日本",
]
NUMBERS = [0, -3, 0.5, 12.345, -12.345, 1234.567, 1e-7, -1e-7, 999_999_999_999_999, 0.1 + 0.2, -12_500]
CHOICES = ["Ski; cross-country", "Red, white", "Sail", "Ski"]


@pytest.fixture
def full(acme: Account, member: Client) -> list[Record]:
    """Contacts with a value of every type, some of them awkward, and labels that are in each other's way."""
    with account_scope(acme.pk):
        contact = make_object_type()
        types = (
            *("keen:boolean", "met_at:datetime", "met_on:date", "site:url", "second:email", "mobile:phone"),
            *("consent_text:text", "more:long_text", "created:text", "code:text"),
        )
        for name, _colon, type in (each.partition(":") for each in types):
            make_property(name, type)
        make_property("stage", PropertyType.CHOICE, options=CHOICES)
        make_property("interests", PropertyType.MULTIPLE_CHOICE, options=CHOICES)
        renamed = {
            "consent_text": "Consent",
            "created": "Created",
            "code": "City",
            "more": "=More @ work",
            "met_on": " A  B",
        }
        for key, label in renamed.items():
            contact.properties.filter(key=key).update(label=label)
        owner = Member.objects.get()
        gone = owner.pk + 1_000
        made = [
            make_contact(
                f"p{n}@b.no",
                external_id=f"CRM-{n}",
                **{key: ODD[n] for key in ("first_name", "city", "notes", "more", "code", "consent_text", "created")},
                **{
                    "company_name": "Nova",
                    "score": NUMBERS[n],
                    "owner": gone if n == 1 else owner.pk,
                    "keen": n % 2 == 0,
                },
                **{"met_at": "2027-01-31T09:30:07Z", "met_on": "2027-03-04", "site": "https://b.no/?a=1,2;3"},
                **{"second": "x@y.no", "mobile": "+4790012345", "phone": "+4622345678", "stage": CHOICES[n % 4]},
                interests=[CHOICES[:1], CHOICES, CHOICES[1:2], CHOICES[2:]][n % 4],
            )
            for n in range(len(ODD))
        ]
        exactly = now() - timedelta(days=90, microseconds=7)
        Record.objects.filter(pk=made[0].pk).update(consent=Consent.WITHDRAWN, consent_at=exactly)
        Record.objects.filter(pk=made[1].pk).update(consent=Consent.UNKNOWN, consent_at=None, former_employee=True)
        Record.objects.filter(pk=made[2].pk).update(consent_at=datetime(2024, 10, 27, 0, 30, tzinfo=UTC))
    return made


def state() -> list[dict[str, Any]]:
    """All that is kept of the records."""
    return list(Record.objects.order_by("pk").values())


def exported(acme: Account, language: str, key: str = "contact") -> bytes:
    with account_scope(acme.pk):
        table = Table.of(QueryDict(f"type={key}"))
    pieces = exporting.lines(acme, table.object_type, table.wanted, language=language, for_spreadsheets=True)
    return "".join(pieces).encode()


def finish(acme: Account, source: Import) -> Import:
    while import_chunk(acme.pk, source.pk):
        pass
    source.refresh_from_db()
    return source


@pytest.mark.parametrize("language", ["en", "sv", "nb"])
@pytest.mark.parametrize("match_on", ["email", "external_id", "id"])
def test_an_export_imported_again_changes_nothing(
    acme: Account, full: list[Record], language: str, match_on: str
) -> None:
    text = exported(acme, language)
    with account_scope(acme.pk):
        before = state()
        contact = ObjectType.objects.get(key="contact")
        source = start_import(name="Back", object_type=contact, file=io.BytesIO(text), terms=Terms(match_on=match_on))
        unused = [header for header, target in source.mapping.items() if target is None]
        assert len(unused) == (2 if match_on == "id" else 3), "the id, and when it was created and changed"
        finish(acme, source)
        assert (source.rows, source.unchanged, source.refused) == (len(full), len(full), 0)
        assert state() == before and not Association.objects.exists()


@pytest.mark.parametrize("language", ["en", "sv", "nb"])
def test_records_that_are_gone_come_back_as_they_were(acme: Account, full: list[Record], language: str) -> None:
    text = exported(acme, language)
    kept = ("external_id", "consent", "former_employee", "properties")
    with account_scope(acme.pk):
        Record.objects.filter(pk=full[1].pk).update(properties={**full[1].properties, "owner": Member.objects.get().pk})
        before = list(Record.objects.order_by("external_id").values(*kept))
        Record.objects.all().delete()
        contact = ObjectType.objects.get(key="contact")
        source = finish(acme, start_import(name="Back", object_type=contact, file=io.BytesIO(text)))
        assert source.created == len(full)
        after = list(Record.objects.order_by("external_id").values(*kept))
        lost = next(each for each in before if each["external_id"] == "CRM-1")["properties"]
        lost.pop("owner")  # that of somebody who had left is nobody's
        assert after == before


def test_a_label_that_is_written_like_one_with_a_key_hides_no_column(acme: Account) -> None:
    with account_scope(acme.pk):
        contact = make_object_type()
        for key, label in (("a", "City (b)"), ("b", "City")):  # beside City (city)
            make_property(key)
            contact.properties.filter(key=key).update(label=label)
        columns = header_of(contact)
    assert {"City (city)", "City (b)", "City (b) (a)"} <= set(columns)
    assert {each.key for each in columns.values() if each} >= {"city", "a", "b"}


def test_three_decimals_are_no_thousands_where_a_comma_is_usual(acme: Account) -> None:
    with account_scope(acme.pk):
        Account.objects.filter(pk=acme.pk).update(country="NO")
        record = make_contact("a@b.no", score=12.345)
        contact, text = ObjectType.objects.get(key="contact"), exported(acme, "nb")
        source = finish(acme, start_import(name="Back", object_type=contact, file=io.BytesIO(text)))
        assert (source.unchanged, Record.objects.get(pk=record.pk).properties["score"]) == (1, 12.345)


def test_an_export_that_may_make_properties_makes_none_of_its_id_and_moments(acme: Account, full: list[Record]) -> None:
    rows = list(csv.reader(io.StringIO(exported(acme, "sv").decode("utf-8-sig"), newline=""), delimiter=";"))
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([[*row, "42" if number else "Shoe"] for number, row in enumerate(rows)])
    with account_scope(acme.pk):
        contact, file = ObjectType.objects.get(key="contact"), io.BytesIO(text.getvalue().encode())
        before = set(contact.properties.values_list("key", flat=True))
        source = start_import(name="Back", object_type=contact, file=file, create_properties=True)
        assert finish(acme, source).updated == len(full)
        assert set(contact.properties.values_list("key", flat=True)) - before == {"shoe"}


def test_an_export_uploaded_in_the_browser_changes_nothing(acme: Account, member: Client, full: list[Record]) -> None:
    with account_scope(acme.pk):
        before = state()
    text = b"".join(member.get("/acme/records/export/").streaming_content)  # type: ignore[attr-defined]
    file = SimpleUploadedFile("contact.csv", text)
    at = member.post("/acme/imports/new/", {"file": file, "object_type": "contact"})["Location"]
    assert "does not fit" not in member.get(at).content.decode()
    member.post(f"{at}start/", {"match_on": "email", "name": "Back"})
    with account_scope(acme.pk):
        source = finish(acme, Import.objects.get())
        assert (source.unchanged, source.refused) == (len(full), 0)
        assert state() == before


def test_matching_on_the_id_in_the_browser_takes_the_column_that_is_called_so(
    acme: Account, member: Client, full: list[Record]
) -> None:
    file = SimpleUploadedFile("contact.csv", exported(acme, "en"))
    at = member.post("/acme/imports/new/", {"file": file, "object_type": "contact"})["Location"]
    for match_on, target in (("id", {"field": "id"}), ("email", None), ("id", {"field": "id"})):
        assert member.post(f"{at}settle/", {"match_on": match_on, "column-0": ""}).status_code == 302
        with account_scope(acme.pk):
            mapping = Import.objects.get().mapping
            assert mapping["Id in Flyt"] == target and mapping["External id"] == {"field": "external_id"}
    assert member.post(f"{at}start/", {"match_on": "id", "name": "Back"}).status_code == 302
    with account_scope(acme.pk):
        assert finish(acme, Import.objects.get()).unchanged == len(full)


def test_the_id_in_flyt_goes_before_a_bare_one_that_may_be_another_systems(acme: Account) -> None:
    with account_scope(acme.pk):
        for headers in (["Id", "Id in Flyt", "City"], ["ID", "City", "Id i Flyt"]):
            mapping = with_some_id(guess(headers, make_object_type()))
            assert [header for header, target in mapping.items() if target == ID] == [max(headers, key=len)]


def test_other_types_come_back_by_the_id(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        company = make_record("company", name="Nova", external_id="N", employees=12.5, owner=Member.objects.get().pk)
        before = state()
    text = exported(acme, "sv", "company")
    with account_scope(acme.pk):
        file, terms = io.BytesIO(text), Terms(match_on="id")
        source = finish(acme, start_import(name="Back", object_type=company.object_type, file=file, terms=terms))
        assert (source.unchanged, source.refused) == (1, 0) and state() == before


def test_owners_are_exported_by_their_addresses_and_those_who_have_left_not_at_all(
    acme: Account, member: Client, owner: Actor
) -> None:
    with account_scope(acme.pk):
        someone = Member.objects.order_by("pk").first()
        assert someone
        make_contact("a@b.no", owner=someone.pk)
        make_contact("b@b.no", owner=someone.pk + 1_000)
        address = members.addresses()[someone.pk]
    rows = csv.DictReader(io.StringIO(exported(acme, "en").decode("utf-8-sig")))
    assert {row["E-mail"]: row["Owner"] for row in rows} == {"a@b.no": address, "b@b.no": ""}


ID, EXTERNAL = {"field": "id"}, {"field": "external_id"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Id", "E-mail"], [EXTERNAL, {"property": "email"}]),  # of another system
        (["Id", "E-mail", "External id"], [None, {"property": "email"}, EXTERNAL]),
        (["External id", "ID"], [EXTERNAL, None]),
        (["id", "Externt id"], [None, EXTERNAL]),
        (["Id", "Ekstern id"], [None, EXTERNAL]),
        (["Id", "Kundnummer"], [None, EXTERNAL]),
        (["Id in Flyt", "E-mail"], [None, {"property": "email"}]),  # all else was thrown away in a spreadsheet
        (["Id i Flyt", "Opprettet"], [None, None]),
        (["Created"], [{"property": "created_on"}]),
        (["Id in Flyt", "Company name"], [None, {"property": "company_name"}]),  # makes no companies
    ],
)
def test_the_id_in_flyt_never_becomes_an_external_id(acme: Account, headers: list[str], expected: list[Any]) -> None:
    with account_scope(acme.pk):
        assert list(guess(headers, make_object_type()).values()) == expected


@pytest.mark.parametrize(
    "headers",
    [
        ("External id", "Consent", "Date of consent", "Former employee"),
        ("Externt id", "Samtycke", "Datum för samtycke", "Tidigare anställd"),
        ("Ekstern id", "Samtykke", "Dato for samtykke", "Tidligere ansatt"),
    ],
)
def test_what_every_record_has_is_known_by_its_labels(acme: Account, headers: tuple[str, ...]) -> None:
    with account_scope(acme.pk):
        contact = make_object_type()
        found = [guess([header], contact)[header] for header in headers]
    assert found == [{"field": name} for name in ("external_id", "consent", "consent_at", "former_employee")]


def test_an_earlier_export_with_a_bare_id_keeps_external_ids(acme: Account, full: list[Record]) -> None:
    text = exported(acme, "nb").decode().replace("Id i Flyt", "Id", 1)
    with account_scope(acme.pk):
        before = state()
        contact = ObjectType.objects.get(key="contact")
        source = finish(acme, start_import(name="Back", object_type=contact, file=io.BytesIO(text.encode())))
        assert source.unchanged == len(full) and state() == before


def test_consent_of_another_second_is_still_taken(acme: Account) -> None:
    with account_scope(acme.pk):
        record = make_contact("a@b.no")
        at = (record.consent_at - timedelta(seconds=1)).isoformat(timespec="seconds")
        text = f"E-mail,Consent,Date of consent\na@b.no,given,{at}\n"
        contact = ObjectType.objects.get(key="contact")
        source = finish(acme, start_import(name="Back", object_type=contact, file=io.BytesIO(text.encode())))
        assert source.updated == 1

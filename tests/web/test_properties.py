"""Settings: properties and object types in the browser."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope
from records.models import ObjectType, Property, Record, UniqueValue
from records.upserts import upsert
from tests.make import make_contact, make_content, make_flow, make_list, make_object_type
from tests.records.trees import leaf
from tests.web.conftest import Browsers

PAGE, TYPES = "/acme/settings/properties/", "/acme/settings/object-types/"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def _types(acme: Account) -> None:
    with account_scope(acme.pk):
        make_object_type()


def text(answer: Any) -> str:
    return str(answer.content.decode())


def of(account: Account, key: str) -> Property:
    with account_scope(account.pk):
        return Property.objects.select_related("object_type").get(object_type__key="contact", key=key)


def test_properties_are_shown_by_object_type(acme: Account, member: Client) -> None:
    page = text(member.get(PAGE))
    assert "Lifecycle stage" in page and "lifecycle_stage" in page and "Close date" not in page
    assert "Close date" in text(member.get(f"{PAGE}?type=deal"))
    assert "Lifecycle stage" in text(member.get(f"{PAGE}?type=unknown"))


def test_a_property_is_added(acme: Account, member: Client) -> None:
    form = text(member.get(f"{PAGE}new/?type=contact&kind=multiple_choice", **HTMX))
    assert 'name="options"' in form and 'name="is_unique"' not in form
    answer = member.post(
        f"{PAGE}new/?type=contact",
        {
            "label": "Shirt size",
            "kind": "multiple_choice",
            "options": "S\r\n M \r\n\r\nL",
            "default": "m;s",
            "is_required": "on",
        },
    )
    assert answer["Location"] == f"{PAGE}?type=contact"
    made = of(acme, "shirt_size")
    assert (made.type, made.options, made.default, made.is_required) == (
        "multiple_choice",
        ["S", "M", "L"],
        ["S", "M"],
        True,
    )
    page = text(member.get(PAGE))
    assert "Shirt size" in page and "Required" in page and "S, M" in page


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"label": " "}, "This field is required."),
        ({"label": "x" * 121}, "Enter a label of 1 to 120 characters."),
        ({"kind": "choice"}, "This field is required."),
        ({"kind": "choice", "options": "a\nA"}, "Two options are the same."),
        ({"kind": "number", "default": "many"}, "“many” is not a number."),
        ({"is_unique": "on", "default": "x"}, "A unique property has no default"),
        ({"description": "x" * 501}, "At most 500 characters."),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field(
    acme: Account, member: Client, given: dict[str, str], says: str
) -> None:
    answer = member.post(f"{PAGE}new/?type=contact", {"label": "Size", "kind": "text", **given})
    assert answer.status_code == 422 and says in text(answer) and "field-error" in text(answer)
    with account_scope(acme.pk):
        assert not Property.objects.filter(key="size").exists()


def test_a_property_is_changed_and_says_what_uses_it(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        make_contact(lifecycle_stage="Lead")
        make_flow(name="Leads", filter=leaf("lifecycle_stage", "eq", "Customer"))
    stage = of(acme, "lifecycle_stage")
    page = text(member.get(f"{PAGE}{stage.pk}/"))
    assert "Leads" in page and "Customer\nFormer customer" in page.replace("\r", "")
    answer = member.post(f"{PAGE}{stage.pk}/", {"label": "Stage", "options": "Customer\nOther"})
    assert answer.status_code == 422 and "1 record has “Lead”." in text(answer)
    assert member.post(f"{PAGE}{stage.pk}/", {"label": "Stage", "options": "Customer\nLead", "default": "Lead"})[
        "Location"
    ]
    changed = of(acme, "lifecycle_stage")
    assert (changed.label, changed.options, changed.default) == ("Stage", ["Customer", "Lead"], "Lead")


def test_a_property_becomes_unique(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        make_contact(city="Oslo")
        make_contact(city="oslo")
    city = of(acme, "city")
    answer = member.post(f"{PAGE}{city.pk}/", {"label": "City", "is_unique": "on"})
    assert answer.status_code == 422 and "2 records share a value" in text(answer)
    with account_scope(acme.pk):
        Record.objects.first().delete()
    assert member.post(f"{PAGE}{city.pk}/", {"label": "City", "is_unique": "on"}).status_code == 302
    with account_scope(acme.pk):
        assert list(UniqueValue.objects.values_list("value", flat=True)) == ["oslo"]


def test_archiving_names_who_uses_it_first(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        make_flow(name="In Oslo", filter=leaf("city", "eq", "Oslo"))
        content = make_content("Greeting", html="{{ record.city }}")
    city = of(acme, "city")
    dialog = text(member.get(f"{PAGE}{city.pk}/archive/", **HTMX))
    assert f'<a href="/acme/contents/{content.pk}/">Greeting</a>' in dialog
    assert "<dialog" in dialog and "In Oslo" in dialog and "Archive “City”?" in dialog
    assert "No flow, content, list or import uses it." in text(member.get(f"{PAGE}{of(acme, 'language').pk}/archive/"))
    assert member.post(f"{PAGE}{city.pk}/archive/")["Location"] == f"{PAGE}?type=contact"
    assert of(acme, "city").archived_at and "Archived" in text(member.get(PAGE))
    member.post(f"{PAGE}{city.pk}/restore/")
    assert of(acme, "city").archived_at is None
    email = of(acme, "email")
    assert f"{PAGE}{email.pk}/archive/" not in text(member.get(PAGE))
    assert member.post(f"{PAGE}{email.pk}/archive/").status_code == 409


def test_a_flow_that_somebody_does_not_see_is_counted_not_named(acme: Account, browser_of: Browsers) -> None:
    with account_scope(acme.pk):
        make_flow(name="Secret plan", filter=leaf("city", "eq", "Oslo"), visibility="owner")
    page = text(browser_of(acme, Role.FLOW_ADMIN).get(f"{PAGE}{of(acme, 'city').pk}/archive/"))
    assert "Secret plan" not in page and "1 flow that only others see" in page


def test_the_default_of_an_owner_is_chosen_among_members(acme: Account, member: Client) -> None:
    with account_scope(acme.pk):
        anne = Member.objects.create(user=User.objects.create_user("anne@acme.example", name="Anne Li"))
    owner = of(acme, "owner")
    assert "Anne Li" in text(member.get(f"{PAGE}{owner.pk}/"))
    assert member.post(f"{PAGE}{owner.pk}/", {"label": "Owner", "default": anne.pk}).status_code == 302
    assert of(acme, "owner").default == anne.pk
    assert "Anne Li" in text(member.get(PAGE))


def test_object_types_are_made_renamed_and_put_away(acme: Account, member: Client) -> None:
    made = member.post(f"{TYPES}new/", {"name": "Boat", "plural": "Boats", "primary_label": "Hull number"})
    assert made["Location"] == f"{PAGE}?type=boat" and "Hull number" in text(member.get(made["Location"]))
    assert "Your own" in text(member.get(TYPES))
    with account_scope(acme.pk):
        boat = ObjectType.objects.get(key="boat")
        fleet = make_list("Fleet", object_type=boat)
    assert "<dialog" in text(member.get(f"{TYPES}{boat.pk}/rename/", **HTMX))
    assert member.post(f"{TYPES}{boat.pk}/rename/", {"name": "Ship", "plural": " "}).status_code == 422
    assert member.post(f"{TYPES}{boat.pk}/rename/", {"name": "Ship", "plural": "Ships"}).status_code == 302
    assert "Fleet" in text(member.get(f"{TYPES}{boat.pk}/archive/"))
    assert member.post(f"{TYPES}{boat.pk}/archive/").status_code == 409
    with account_scope(acme.pk):
        fleet.delete()
    assert member.post(f"{TYPES}{boat.pk}/archive/").status_code == 302
    for address in (PAGE, "/acme/flows/new/", "/acme/records/", "/acme/lists/new/"):
        assert 'boat"' not in text(member.get(address)), "it is not offered any more"
    assert member.post(f"{TYPES}{boat.pk}/restore/").status_code == 302
    assert "Ships" in text(member.get(PAGE))
    refused = member.post(f"{TYPES}new/", {"name": "", "plural": "x"})
    assert refused.status_code == 422 and "Enter a name of 1 to 80 characters." in text(refused)


@pytest.mark.parametrize("role", [Role.MARKETER, Role.VIEWER])
def test_only_flow_admins_see_and_change_them(acme: Account, browser_of: Browsers, role: str) -> None:
    city = of(acme, "city")
    client = browser_of(acme, role)
    for address in (PAGE, TYPES, f"{PAGE}{city.pk}/", f"{PAGE}new/"):
        assert client.get(address).status_code == 403
    assert client.post(f"{PAGE}{city.pk}/archive/").status_code == 403
    admin = browser_of(acme, Role.FLOW_ADMIN)
    assert PAGE in text(admin.get("/acme/flows/")), "settings lead there"
    page = text(admin.get(PAGE))
    assert "API keys" not in page


def test_another_accounts_property_is_not_there(acme: Account, globex: Account, browser_of: Browsers) -> None:
    city = of(acme, "city")
    client = browser_of(globex)
    with account_scope(globex.pk):
        make_object_type()
    for part in ("", "archive/"):
        assert client.get(f"/globex/settings/properties/{city.pk}/{part}").status_code == 404
    assert client.post(f"/globex/settings/properties/{city.pk}/restore/").status_code == 404
    assert client.get(f"/globex/settings/object-types/{city.object_type_id}/rename/").status_code == 404


def test_the_number_of_queries_does_not_grow(acme: Account, member: Client) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert member.get(address).status_code == 200
        return len(captured)

    city = of(acme, "city")
    with account_scope(acme.pk):
        make_flow(name="Flow", filter=leaf("city", "eq", "Oslo"))
    addresses = [PAGE, TYPES, f"{PAGE}{city.pk}/"]
    for address in addresses:
        queries(address)
    before = [queries(address) for address in addresses]
    for number in range(3):
        member.post(f"{TYPES}new/", {"name": f"Kind {number}", "plural": "Kinds"})
        member.post(f"{PAGE}new/?type=contact", {"label": f"Text {number}", "kind": "text", "default": "x"})
        with account_scope(acme.pk):
            make_flow(name=f"Flow {number}", filter=leaf("city", "eq", "Oslo"))
    assert [queries(address) for address in addresses] == before
    assert max(before) <= 40


def test_the_country_of_the_account_is_where_phone_numbers_belong(acme: Account, member: Client) -> None:
    settings = {"name": "Acme", "slug": "acme", "time_zone": "Europe/Oslo", "language": "en"}
    assert "Norway" in text(member.get("/acme/settings/"))
    assert member.post("/acme/settings/", {**settings, "country": "XX"}).status_code == 422
    assert member.post("/acme/settings/", {**settings, "country": "NO"}).status_code == 302
    rows = [
        {"properties": {"email": "a@firma.example", "phone": "22 34 56 78"}},
        {"properties": {"email": "b@firma.example", "phone": "08-12 34 56", "country": "SE"}},
    ]
    with account_scope(acme.pk):
        upsert(ObjectType.objects.get(key="contact"), rows, match_on="email", source="api")
        assert list(Record.objects.order_by("pk").values_list("properties__phone", flat=True)) == [
            "+4722345678",
            "+468123456",
        ]

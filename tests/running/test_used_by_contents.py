"""What is said with merge fields is among what uses a property."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Visibility
from messaging.models import Content
from records.models import Property
from records.used_by import Use, in_use, users_of_option, users_of_property
from running.used_by import seen_by
from tests.make import make_content, make_flow, make_object_type


@pytest.fixture
def city(in_acme: Account) -> Property:
    """A property that nothing uses yet."""
    return Property.objects.get(object_type=make_object_type(), key="city")


def names(uses: list[Use]) -> list[str]:
    return [f"{use.kind} {use.name}" for use in uses]


@pytest.mark.parametrize(
    "said",
    [
        {"html": "<p>Hello in {{ record.city }}</p>"},
        {"subject": "{{ city }}, here we come"},
        {"preheader": "{% assign city = city | default: 'you' %}{{ city }}"},
        {"text": "{% if record['city'] == 'Oslo' %}Hello{% endif %}"},
        {"html": "{% assign person = record %}{{ person.city }}"},
        {"html": "{{ contact.city | upcase }}"},
    ],
)
def test_a_content_uses_the_properties_of_its_merge_fields(city: Property, said: dict[str, str]) -> None:
    make_content("Plain")
    make_content("Town", **said)
    assert names(users_of_property(city)) == ["content Town"]


@pytest.mark.parametrize(
    "html",
    [
        "<p>The city</p>",
        "{{ record.city_code }} {{ company.city }} {{ account.city }}",
        "{% assign city = 'Oslo' %}{{ city }}",
        "{% comment %}{{ city }}{% endcomment %}{% raw %}{{ city }}{% endraw %}",
    ],
)
def test_what_only_looks_like_the_merge_field_is_none(city: Property, html: str) -> None:
    make_content("Town", html=html)
    assert users_of_property(city) == []


def test_a_property_called_like_a_name_of_the_merge_fields_is_reached_through_the_record(city: Property) -> None:
    today = Property(object_type=city.object_type, key="today")
    make_content("Date", html="{{ today }}")
    make_content("Value", html="{{ record.today }}")
    assert names(users_of_property(today)) == ["content Value"]


def test_a_shared_content_is_named_with_the_flows_that_send_it(city: Property) -> None:
    shared = make_content("Town", html="{{ city }}")
    make_flow([{"send_email": shared}, {"send_email": shared}], name="Welcome")
    make_flow(name="Other")
    assert names(users_of_property(city)) == ["flow Welcome", "content Town"]


def test_a_flows_own_content_is_that_flows_use(city: Property) -> None:
    flow = make_flow(name="Welcome")
    Content.objects.filter(name="Welcome").update(html="{{ city }}", flow_id=flow.pk)
    assert names(users_of_property(city)) == ["flow Welcome"]


def test_the_record_of_a_merge_field_is_of_the_flows_type_and_the_contact_a_contact(city: Property) -> None:
    company = make_object_type("company")
    of_company = Property.objects.get(object_type=company, key="city")
    make_flow([{"send_email": make_content("Firm", html="{{ record.city }}")}], name="Firms", object_type=company)
    make_flow([{"send_email": make_content("Person", html="{{ contact.city }}")}], name="People", object_type=company)
    assert names(users_of_property(of_company)) == ["flow Firms", "content Firm"]
    assert names(users_of_property(city)) == ["flow People", "content Person"]


def test_a_content_that_no_flow_sends_may_be_about_records_of_any_type(city: Property) -> None:
    make_content("Town", html="{{ city }}")
    assert names(users_of_property(Property.objects.get(object_type=make_object_type("company"), key="city"))) == [
        "content Town"
    ]


def test_a_content_names_no_choice_of_a_property(city: Property) -> None:
    make_content("Town", html="{{ city }}")
    assert users_of_option(city, "Oslo") == []


def test_a_hidden_flow_that_sends_it_is_counted_and_not_named(city: Property, in_acme: Account) -> None:
    shared = make_content("Town", html="{{ city }}")
    make_flow([{"send_email": shared}], name="Secret", visibility=Visibility.OWNER)
    own = make_flow(name="Hush", visibility=Visibility.OWNER)
    make_content("Hush says", html="{{ city }}", flow_id=own.pk)
    uses = users_of_property(city)
    assert names(seen_by(Actor(in_acme.pk, Role.MARKETER, "Key"), uses)) == ["content Town"]
    assert names(seen_by(Actor(in_acme.pk, Role.ADMIN, "Key"), uses)) == ["flow Hush", "flow Secret", "content Town"]
    assert "“Town” and 2 more" in in_use(uses)


def test_another_accounts_contents_are_not_told(city: Property, globex: Account) -> None:
    with account_scope(globex.pk):
        make_content("Theirs", html="{{ city }}")
    assert users_of_property(city) == []


def test_the_number_of_queries_does_not_grow_with_contents(city: Property) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert users_of_property(city)
        return len(captured)

    def add(name: str) -> Any:
        shared = make_content(name, html="{{ city }}")
        make_flow([{"send_email": shared}], name=name)
        make_content(f"{name} alone", html="{{ city }}")

    add("First")
    queries()
    before = queries()
    for number in range(3):
        add(f"Flow {number}")
    assert queries() == before <= 12

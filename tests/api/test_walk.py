"""Every address as its account's key, as another account's, without the right, and without a key."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern

from accounts.models import Account, Member, User
from accounts.rights import Right, Role
from accounts.tenancy import account_scope
from api import urls
from api.views import AccountView
from messaging.models import Message, Suppression
from participants.models import ListEnrolment
from records import associations, events
from records.models import EventKind, Import, ListFolder, Property, Record
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
OPEN = {"schema/", "docs/", ""}


def endpoints() -> Iterator[tuple[str, type[AccountView], str]]:
    """Every (route, view, method) that needs a key."""
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        if route not in OPEN:
            view = pattern.callback.view_class
            for method in view.http_method_names:
                if method not in ("options", "head") and hasattr(view, method):
                    yield route, view, method.upper()


FOR_ADMINS = ("members/", "records/export/")  # who may not see all of it sees nothing
ALL = [pytest.param(*each, id=f"{each[2]} {each[0]}") for each in endpoints()]
ABOUT_ONE = [each for each in ALL if "<" in each.values[0]]


@pytest.fixture
def things(acme: Account) -> dict[str, int]:
    """One thing of Acme of every kind, by the name it has in paths."""
    with account_scope(acme.pk):
        record = make.make_contact()
        flow = make.make_flow(schedule={"frequency": "daily"})
        step = make.steps_of(flow)[0]
        participant = make.make_participant(flow, record, step=step)
        content = make.make_content()
        Message.objects.create(
            outbox=flow.outbox, origin_key="x", record=record, content=content, address="a@example.com", flow_id=flow.pk
        )
        events.record_events("custom.seen", [record.pk])
        EventKind.objects.create(kind="custom.seen")
        make.make_subscription_type()
        Member.objects.create(user=User.objects.create_user("ann@acme.example"))
        return {
            "record_id": record.pk,
            "other_id": associated_with(record),
            "flow_id": flow.pk,
            "participant_id": participant.pk,
            "list_enrolment_id": ListEnrolment.objects.create(
                flow=flow, list_id=1, list_name="All", cause_key="list:1:a", asked=0
            ).pk,
            "content_id": content.pk,
            "list_id": make.make_list(records=[record]).pk,
            "list_folder_id": ListFolder.objects.create(name="Customers").pk,
            "import_id": make_import(record),
            "suppression_id": Suppression.objects.create(address="b@example.com", reason="member").pk,
            "type_id": record.object_type_id,
            "property_id": Property.objects.filter(object_type_id=record.object_type_id).latest("pk").pk,
        }


def associated_with(record: Record) -> int:
    other = make.make_record("company", name="Shop")
    associations.associate_many([(record.pk, other.pk)])
    return other.pk


def make_import(record: Record) -> int:
    return Import.objects.create(
        name="Fair", object_type_id=record.object_type_id, mapping={"E-mail": None}, encoding="utf-8", delimiter=","
    ).pk


def address(route: str, things: dict[str, int]) -> str:
    for name, value in things.items():
        route = route.replace(f"<id:{name}>", str(value))
    assert "<" not in route, f"add one of these to the things of the walk: {route}"
    query = f"?record={things['record_id']}" if route == "events/" else ""
    return f"{API}/{route}{query}"


def identity(each: Any) -> Any:
    """What a result is known by; a kind of events is its own name."""
    return each["id"] if "id" in each else each["kind"]


def ask(client: Any, method: str, url: str) -> Any:
    body = None if method == "GET" else {}
    return client.generic(method, url, *(["{}", "application/json"] if body is not None else []))


@pytest.mark.parametrize(("route", "view", "method"), ALL)
def test_every_handler_names_its_right(route, view, method):
    right = view.rights[method]
    only_looks = method == "GET" or route in ("schedules/preview/", "criteria/preview/")
    expected = Right.ADMINISTER if route in FOR_ADMINS else Right.SEE
    assert (right == expected) == only_looks


@pytest.mark.parametrize(("route", "view", "method"), [each for each in ALL if each.values[2] == "GET"])
def test_the_accounts_key_reads_everything(api, things, route, view, method):
    has_begun = route == "imports/<id:import_id>/preview/"  # this import has: only a draft is looked at
    assert ask(api, method, address(route, things)).status_code == (409 if has_begun else 200)


@pytest.mark.parametrize(("route", "view", "method"), ABOUT_ONE)
def test_another_accounts_thing_is_not_found(stranger, things, route, view, method):
    answer = ask(stranger, method, address(route, things))
    assert answer.status_code == 404, answer.content
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(("route", "view", "method"), ABOUT_ONE)
def test_an_id_that_no_row_can_have_is_not_found(api, route, view, method):
    for number in (2**63 - 1, 2**63, 10**30):
        things = dict.fromkeys(
            [
                "record_id",
                "other_id",
                "flow_id",
                "participant_id",
                "list_enrolment_id",
                "content_id",
                "list_id",
                "list_folder_id",
                "suppression_id",
                "import_id",
                "type_id",
                "property_id",
            ],
            number,
        )
        assert ask(api, method, address(route, things)).status_code == 404


@pytest.mark.parametrize(
    ("route", "view", "method"), [e for e in ALL if e.values[2] == "GET" and "<" not in e.values[0]]
)
def test_another_accounts_lists_show_nothing_of_it(api, stranger, things, route, view, method):
    url = address(route, things)
    if route == "records/export/":  # rows of CSV, each with its id first
        own, theirs = (b"".join(ask(each, method, url).streaming_content) for each in (api, stranger))
        assert str(things["record_id"]).encode() in own and len(theirs.splitlines()) == 1
        return
    own = {identity(each) for each in ask(api, method, url).json()["results"] if each.get("id") or each["is_custom"]}
    theirs = ask(stranger, method, url)
    assert own, "the walk proves nothing about an empty list"
    if route == "events/":  # it takes the id of a record
        assert theirs.status_code == 422
    else:
        assert own.isdisjoint(identity(each) for each in theirs.json()["results"])


@pytest.mark.parametrize(("route", "view", "method"), ALL)
def test_nobody_gets_in(nobody, things, route, view, method):
    assert ask(nobody, method, address(route, things)).status_code == 401


@pytest.mark.parametrize(("route", "view", "method"), [each for each in ALL if each.values[2] != "GET"])
def test_a_viewer_only_looks(as_role, things, route, view, method):
    expected = 422 if view.rights[method] == Right.SEE else 403
    assert ask(as_role(Role.VIEWER), method, address(route, things)).status_code == expected


@pytest.mark.parametrize(("route", "view", "method"), [each for each in ALL if each.values[0] in FOR_ADMINS])
def test_a_flow_admin_is_no_admin(as_role, things, route, view, method):
    assert ask(as_role(Role.FLOW_ADMIN), method, address(route, things)).status_code == 403


@pytest.mark.parametrize(
    ("route", "view", "method"), [e for e in ALL if e.values[1].rights[e.values[2]] == Right.EDIT_FLOWS]
)
def test_a_marketer_does_not_edit_flows(as_role, things, route, view, method):
    assert ask(as_role(Role.MARKETER), method, address(route, things)).status_code == 403

"""Every place of every body filled with junk: refused or taken, and never a failure of ours."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.tenancy import account_scope
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**30,
    1.5,
    1e308,
    "",
    " ",
    "x" * 11_000,
    "%s %(x)s {0} {x} \\ ' \"",
    "\u2028\ufeff\U0001f45f",
    "2027-02-30",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+14:00",
    [],
    [None],
    [[]],
    {},
    {"": {}},
    {"all": [{"all": []}]},
]
MANY = 40
SCHEDULE = {
    "frequency": "monthly",
    "flexible": [{"ordinal": "last", "day": "friday"}],
    "times": ["15:00"],
    "time_zone": "Europe/Oslo",
    "interval": 2,
    "starts_on": "2027-01-01",
    "ends_on": "2028-01-01",
    "excluded_dates": ["2027-03-01"],
    "catch_up": "all",
    "safety_brake": 10,
}
CRITERIA = {
    "all": [
        {"property": "city", "operator": "not_in", "value": ["Oslo"], "include_unknown": True},
        {"any": [{"not": {"property": "score", "operator": "between", "value": [1, 2]}}]},
        {"property": "renewal_date", "operator": "in_last_days", "value": 7},
    ]
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within a body, the whole first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def filled(body: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """The body with junk in one place."""
    if not path:
        return junk
    other = copy.deepcopy(body)
    inner = other
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return other


def bodies(things: dict[str, int]) -> dict[str, tuple[str, str, Any]]:
    """A body of every kind that can be taken, with where it goes."""
    record = {"properties": {"email": "ada@example.com", "score": 1, "renewal_date": "2027-01-01"}, "consent": "given"}
    record |= {"external_id": "C-1", "consent_at": "2024-01-01T00:00:00Z", "former_employee": False}
    flow = {
        "name": "Welcome",
        "description": "x",
        "object_type": "contact",
        "time_zone": "Europe/Oslo",
        "only_once": True,
        "filter": CRITERIA,
        "unenrolment": {"list": things["list"], "operator": "in"},
        "success": [{"name": "Bought", "criteria": {"property": "city", "operator": "known"}}],
        "exclusion_lists": [things["list"]],
        "starts_at": "2027-01-01T00:00:00Z",
        "enrolment_ends_at": "2028-01-01T00:00:00Z",
        "email": {"sender_name": "A", "sender_address": "a@example.com", "override_consent": False},
        "triggers": [{"kind": "schedule", "criteria": CRITERIA, "schedule": SCHEDULE}],
        "steps": [
            {"kind": "send_email", "name": "Mail", "settings": {"content": things["content"]}},
            {"kind": "wait", "settings": {"amount": 2, "unit": "days"}},
            {"kind": "add_to_list", "settings": {"list": things["list"]}},
            {"kind": "update_record", "settings": {"values": {"city": "Oslo"}}},
            {
                "kind": "split",
                "branches": [
                    {"name": "Oslo", "criteria": CRITERIA, "steps": [{"kind": "wait", "settings": {}}]},
                    {"name": "Everyone else", "is_everyone_else": True, "steps": []},
                ],
            },
            {"kind": "finish"},
        ],
    }
    return {
        "record": ("POST", "records/", {**record, "object_type": "contact", "match_on": "email"}),
        "record change": ("PATCH", f"records/{things['record']}/", record),
        "batch": ("POST", "records/batch/", {"object_type": "contact", "match_on": "external_id", "records": [record]}),
        "property": ("POST", "properties/", {"key": "a", "label": "A", "type": "choice", "options": ["x"]}),
        "object type": ("POST", "object-types/", {"key": "boat", "name": "Boat", "plural": "Boats"}),
        "list": ("POST", "lists/", {"name": "VIP", "object_type": "contact", "criteria": CRITERIA}),
        "list records": ("POST", f"lists/{things['list']}/records/", {"add": [1], "remove": [2]}),
        "content": ("POST", "contents/", {"name": "A", "subject": "A", "preheader": "", "html": "", "text": ""}),
        "content change": ("PATCH", f"contents/{things['content']}/", {"name": "A", "html": "{{ record.email }}"}),
        "subscription type": ("POST", "subscription-types/", {"name": "News", "is_default": True}),
        "suppression": ("POST", "suppressions/", {"address": "b@example.com"}),
        "events": (
            "POST",
            "events/",
            {"events": [{"record": things["record"], "kind": "custom.a", "detail": {"a": 1}}]},
        ),
        "participants": ("POST", f"flows/{things['running']}/participants/", {"records": [things["record"]]}),
        "participants of a list": ("POST", f"flows/{things['running']}/participants/", {"list": things["list"]}),
        "flow": ("POST", "flows/", flow),
        "flow change": ("PATCH", f"flows/{things['flow']}/", flow),
        "schedule": ("POST", "schedules/preview/", SCHEDULE),
    }


KINDS = list(bodies(dict.fromkeys(["record", "list", "content", "flow", "running"], 1)))


@pytest.fixture
def things(acme):
    with account_scope(acme.pk):
        return {
            "record": make.make_contact().pk,
            "list": make.make_list().pk,
            "content": make.make_content().pk,
            "flow": make.make_flow().pk,
            "running": make.make_flow(["wait 1 day"], status="running").pk,
        }


def send(client, method, path, body):
    return client.generic(
        method, f"{API}/{path}", json.dumps(body), content_type="application/json", headers={"If-Match": "*"}
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_without_junk_is_taken(api, things, kind):
    answer = send(api, *bodies(things)[kind])
    assert answer.status_code in (200, 201, 202), answer.content


@pytest.mark.parametrize("kind", KINDS)
def test_junk_is_no_failure_of_ours(api, things, kind):
    method, path, body = bodies(things)[kind]
    failed, found = [], list(places(body))
    each = len(JUNK) if len(found) < MANY else 2  # of a large body every place meets some of the junk
    for number, place in enumerate(found):
        for junk in (JUNK * 2)[number % len(JUNK) :][:each]:
            answer = send(api, method, path, filled(body, place, junk))
            if answer.status_code >= 500:
                failed.append((place, str(junk)[:40]))
    assert failed == []


@pytest.mark.parametrize("junk", ["%00", "%ff", "%F0%9F%91%9F", "-1", str(10**30), "1e9", "[]", "{}", "x" * 5000, ""])
def test_junk_in_a_parameter_is_no_failure_of_ours(api, things, junk):
    parameters = {
        "records/": ["object_type", "email", "external_id", "search", "archived", "limit", "cursor"],
        "lists/": ["object_type", "search"],
        "contents/": ["search"],
        "properties/": ["object_type"],
        "suppressions/": ["address"],
        "events/": ["record", "kind"],
        "messages/": ["record", "flow", "status"],
        "flows/": ["status", "object_type", "search"],
        f"flows/{things['flow']}/participants/": ["status", "step", "record"],
        f"flows/{things['flow']}/log/": ["record", "step", "outcome", "since", "until"],
        f"flows/{things['flow']}/occurrences/": ["status"],
    }
    for path, names in parameters.items():
        for name in names:
            answer = api.get(f"{API}/{path}?{name}={junk}")
            assert answer.status_code < 500, f"{path}?{name}"

"""Every address there is, with every method, as a member, as a stranger from another account, and as nobody.

Walked over the URL table itself: a new address is walked too, and a new kind of argument has to be added here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from accounts import invitations
from accounts.actors import Actor
from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.sign_in import make_key
from accounts.tenancy import account_scope
from flows.models import Folder
from messaging.models import Suppression
from participants.models import ListEnrolment
from records.associations import associate_many
from records.models import Import, ListFolder, Property, Record
from records.object_types import create_object_type
from tests.make import (
    make_contact,
    make_content,
    make_flow,
    make_list,
    make_participant,
    make_record,
    steps_of,
)
from tests.web.test_inbox import put_mail

from .test_tenancy import OWNED

API = "api/v1/"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
PUBLIC = {
    "": "leads to the first account, or to the login",
    "login/": "the way in",
    "login/code/": "the second step of the way in",
    "logout/": "the way out",
    "signup/": "the first way in",
    "password/": "the way back in, by mail",
    "password/sent/": "says that a mail is on its way, or would be",
    "password/<str:uidb36>/<str:key>/": "a link in a mail: the key is signed",
    "email/<str:key>/": "a link in a mail: the key is signed",
    "invitations/<str:token>/": "a link in a mail: the token is random",
    "c/<str:token>": "a link in a message: the token is signed",
    "u/<str:token>": "unsubscribing: the token is signed",
    "api/v1/schema/": "the description of the API",
    "api/v1/docs/": "the same for people",
    "api/v1/": "answers what is not there",
}
PERSONAL = ("me/", "accounts/new/", "operators/")  # one's own, whichever the account; the last for staff
HIDDEN = (404, 405)  # 405 says which methods an address has, not what is there
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
ODD_IDS = (0, 2**63 - 1, 2**63)
ODD_TEXTS = ("%00", "..", "a" * 3000, "%F0%9F%98%80", "%FF")


@dataclass(frozen=True)
class Walker:
    """Somebody with a browser and an API client."""

    browser: Client
    key: str = ""

    def ask(self, method: str, address: str, body: str = "{}") -> Any:
        """The answer; a server error is one too."""
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.key}"} if self.key else {}
        client = Client(raise_request_exception=False) if address.startswith(f"/{API}") else self.browser
        return client.generic(method, address, body, "application/json", **headers)


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Every route, as it is written in the URL tables."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


PAGES = [route for route in routes() if route.startswith("<slug:slug>/")]
OWN = [route for route in routes() if route.startswith(PERSONAL)]
ENDPOINTS = [route for route in routes() if route.startswith(API) and route not in PUBLIC]


@pytest.fixture
def things(acme: Account, tmp_path: Path, settings: Settings) -> dict[str, object]:
    """One thing of Acme for each name that an argument has."""
    settings.INBOX_DIR = str(tmp_path)
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], schedule={"frequency": "daily"}, email=False)
        record = make_contact()
        kind = record.object_type_id
        Account.objects.filter(pk=acme.pk).update(is_demo=True)
        found: dict[str, object] = {
            "slug": acme.slug,
            "flow_id": flow.pk,
            "step_id": steps_of(flow)[0].pk,
            "record_id": record.pk,
            "other_id": associated_with(record),
            "folder_id": Folder.objects.create(name="Membership").pk,
            "list_folder_id": ListFolder.objects.create(name="Customers").pk,
            "participant_id": make_participant(flow, record, step=steps_of(flow)[0]).pk,
            "content_id": make_content().pk,
            "list_id": make_list(records=[record]).pk,
            "import_id": Import.objects.create(
                name="Fair", object_type_id=kind, mapping={}, encoding="utf-8", delimiter=","
            ).pk,
            "list_enrolment_id": ListEnrolment.objects.create(
                flow=flow, list_id=1, list_name="All", cause_key="list:1:a", asked=0
            ).pk,
            "member_id": Member.objects.create(user=User.objects.create_user("m@example.com")).pk,
            "invitation_id": invitations.invite("i@example.com", Role.VIEWER, by=Actor.flyt(acme.pk))[0].pk,
            "key_id": make_key("Shop", Role.VIEWER)[0].pk,
            "property_id": Property.objects.get(object_type_id=kind, key="city").pk,
            "type_id": create_object_type("Boat", "Boats", by=Actor.flyt(acme.pk)).pk,
            "suppression_id": Suppression.objects.create(address="b@example.com", reason="member").pk,
        }
    none = {"token": "none", "key": "none", "uidb36": "1", "session_id": 1}
    return {**found, **none, "name": put_mail(tmp_path, acme)}


def associated_with(record: Record) -> int:
    """A company that the record belongs with."""
    other = make_record("company", name="Shop")
    associate_many([(record.pk, other.pk)])
    return int(other.pk)


@pytest.fixture
def nobody(db: None) -> Walker:
    """Not signed in, without a key."""
    return Walker(Client(raise_request_exception=False))


@pytest.fixture
def stranger(globex: Account) -> Walker:
    """An owner in Globex, with a key of Globex."""
    return owner_of(globex)


@pytest.fixture
def member(acme: Account) -> Walker:
    """An owner in Acme, with a key of Acme."""
    return owner_of(acme)


def owner_of(account: Account) -> Walker:
    """Somebody who may do everything in one account."""
    browser = Client(raise_request_exception=False)
    person = User.objects.create_user(f"owner@{account.slug}.example")
    browser.force_login(person)
    with account_scope(account.pk):
        Member.objects.create(user=person, role=Role.OWNER)
        return Walker(browser, make_key("Walk", Role.OWNER)[1])


def at(route: str, things: dict[str, object]) -> str:
    """The address of a route with these things in it; a KeyError asks for a thing that is not there yet."""
    return "/" + ARGUMENT.sub(lambda found: str(things[found[1]]), route)


def about_one(route: str) -> bool:
    """True when the route names a thing, not only the account."""
    return bool(set(ARGUMENT.findall(route)) - {"slug"})


def rows(account: Account) -> dict[str, str]:
    """A digest of everything an account owns, table by table."""
    digests = {}
    with account_scope(account.pk), connection.cursor() as cursor:
        for table in sorted(model._meta.db_table for model in OWNED):
            cursor.execute(
                f"select count(*) || md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} t"
            )
            digests[table] = cursor.fetchone()[0]
    return digests


def walk(walker: Walker, of: list[str], things: dict[str, object], wrong: Callable[[Any], bool]) -> list[str]:
    """Ask everything; the answers that are wrong."""
    found = []
    for route in of:
        for method in METHODS:
            answer = walker.ask(method, at(route, things))
            if wrong(answer):
                found.append(f"{method} {route}: {answer.status_code} {answer.headers.get('Location', '')}")
    return found


def test_every_address_is_public_with_a_reason_or_belongs_to_an_account() -> None:
    assert set(routes()) - set(PUBLIC) == set(PAGES) | set(ENDPOINTS) | set(OWN)
    assert set(PUBLIC) <= set(routes()) and PAGES and ENDPOINTS


def test_nobody_gets_past_the_login_and_changes_nothing(
    acme: Account, things: dict[str, object], nobody: Walker
) -> None:
    before = rows(acme)
    assert walk(nobody, PAGES + OWN, things, lambda it: not is_login(it)) == []
    assert walk(nobody, ENDPOINTS, things, lambda it: it.status_code != 401) == []
    assert rows(acme) == before


def test_a_stranger_cannot_tell_what_is_there_and_changes_nothing(
    acme: Account, things: dict[str, object], stranger: Walker
) -> None:
    before = rows(acme)
    assert walk(stranger, PAGES, things, shows) == []
    own = {**things, "slug": "globex"}
    named = [route for route in (*PAGES, *ENDPOINTS) if about_one(route)]
    assert walk(stranger, named, own, shows) == []
    assert rows(acme) == before


def test_a_member_finds_everything_and_meets_no_failure(things: dict[str, object], member: Walker) -> None:
    for route in (*PAGES, *ENDPOINTS):
        answer = member.ask("GET", at(route, things))
        assert answer.status_code in (200, 405, 409, 422), f"{route}: {answer.status_code}"
    for body in ("{}", "not json"):
        failures = [
            f"{method} {route} {body}"
            for route in (*PAGES, *OWN, *ENDPOINTS, *PUBLIC)
            for method in METHODS
            if method != "DELETE"
            and route != "logout/"
            and member.ask(method, at(route, things), body).status_code >= 500
        ]
        assert failures == []


def test_what_no_address_can_mean_is_not_found(things: dict[str, object], member: Walker) -> None:
    named = [route for route in (*PAGES, *OWN, *ENDPOINTS, *PUBLIC) if about_one(route)]
    for odd in (*ODD_IDS, *ODD_TEXTS):
        strange = {name: odd for name in things} | {"slug": "acme"}
        for route in named:
            for method in ("GET", "POST"):
                status = member.ask(method, at(route, strange)).status_code
                assert status in (*HIDDEN, 400, 429), f"{method} {at(route, strange)[:60]}: {status}"


def is_login(answer: Any) -> bool:
    """Sent to log in; or a method that nobody may use here."""
    return answer.status_code == 405 or (answer.status_code == 302 and answer.headers["Location"].startswith("/login/"))


def shows(answer: Any) -> bool:
    """Anything but "not found". OPTIONS answers for every id alike, without looking for it."""
    return answer.status_code not in HIDDEN and answer.request["REQUEST_METHOD"] != "OPTIONS"

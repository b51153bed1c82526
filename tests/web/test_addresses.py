"""Every address of the pages, visited as a member, as a stranger from the other account, and as nobody."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from tests.make import make_flow
from tests.web.conftest import Browsers
from tests.web.test_inbox import put_mail
from web.urls import urlpatterns

LOGIN = "/login/?next="


@dataclass
class Visit:
    """What an address of an account takes: the rest of its arguments, its method, and what a member gets."""

    arguments: list[object] = field(default_factory=list)
    method: str = "get"
    answer: int = 200
    query: str = ""


@pytest.fixture
def visits(acme: Account, tmp_path: Path, settings) -> dict[str, Visit]:  # type: ignore[no-untyped-def]
    """One visit for each address that begins with an account."""
    settings.INBOX_DIR = str(tmp_path)
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"])
    mail = put_mail(tmp_path, acme)
    return {
        "flows": Visit(),
        "flow_problems": Visit(query=f"?flow={flow.pk}"),
        "flow": Visit([flow.pk]),
        "toggle": Visit([flow.pk], method="post", answer=302),
        "inbox": Visit(),
        "mail": Visit([mail]),
        "letter": Visit([mail]),
    }


PUBLIC = {"home", "login", "logout", "click", "unsubscribe"}


def go(client: Client, name: str, visit: Visit, slug: str = "acme"):  # type: ignore[no-untyped-def]
    """Visit it."""
    address = reverse(f"web:{name}", args=[slug, *visit.arguments]) + visit.query
    return getattr(client, visit.method)(address)


def test_every_address_is_either_public_or_visited_here(visits: dict[str, Visit]) -> None:
    assert {pattern.name for pattern in urlpatterns} == PUBLIC | visits.keys()


def test_a_member_gets_every_page(member: Client, visits: dict[str, Visit]) -> None:
    assert {name: go(member, name, visit).status_code for name, visit in visits.items()} == {
        name: visit.answer for name, visit in visits.items()
    }


def test_a_stranger_gets_404_everywhere(stranger: Client, visits: dict[str, Visit]) -> None:
    assert {go(stranger, name, visit).status_code for name, visit in visits.items()} == {404}


def test_a_stranger_finds_nothing_of_the_other_account_under_their_own(
    stranger: Client, visits: dict[str, Visit]
) -> None:
    with_ids = {name: visit for name, visit in visits.items() if visit.arguments}
    assert len(with_ids) == 4
    assert {go(stranger, name, visit, "globex").status_code for name, visit in with_ids.items()} == {404}


def test_nobody_is_sent_to_log_in_and_back(nobody: Client, visits: dict[str, Visit]) -> None:
    for name, visit in visits.items():
        answer = go(nobody, name, visit)
        assert answer.status_code == 302 and answer["Location"].startswith(LOGIN), name
    assert go(nobody, "flow", visits["flow"])["Location"] == f"{LOGIN}/acme/flows/{visits['flow'].arguments[0]}/"


def test_a_former_member_is_out_at_once(acme: Account, member: Client, visits: dict[str, Visit]) -> None:
    assert go(member, "flows", visits["flows"]).status_code == 200
    with account_scope(acme.pk):
        from accounts.models import Member

        Member.objects.all().delete()
    assert go(member, "flows", visits["flows"]).status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER, Role.FLOW_ADMIN, Role.ADMIN])
def test_every_role_sees_the_pages_and_all_but_the_viewer_may_use_the_switch(
    acme: Account, browser_of: Browsers, visits: dict[str, Visit], role: str
) -> None:
    client = browser_of(acme, role)
    for name, visit in visits.items():
        expected = 403 if name == "toggle" and role == Role.VIEWER else visit.answer
        assert go(client, name, visit).status_code == expected, name


def test_an_unknown_address_is_a_page_of_ours(member: Client) -> None:
    answer = member.get("/acme/nothing/here/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_pages_are_never_kept_by_caches(member: Client) -> None:
    assert "no-store" in member.get("/acme/flows/")["Cache-Control"]

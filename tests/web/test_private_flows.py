"""A flow that points at somebody's private flow never tells its name to those who may not see it."""

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor, read_by
from accounts.models import Account, User
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, Step
from flows.visibility import name_of
from participants.models import Participant
from records import criteria, events
from running import copying
from tests.make import make_content, make_flow, make_object_type, make_participant, steps_of
from tests.web.conftest import make_member
from tests.web.editing import document_of, send, text

SECRET, UNNAMED = "Secret plans", "a flow of somebody else"
EXIT: dict[str, Any] = {"exit": True, "exit_list": None}


@pytest.fixture
def keeper(acme: Account) -> User:
    """Who owns the private flow."""
    return make_member(acme, Role.FLOW_ADMIN)


@pytest.fixture
def secret(acme: Account, keeper: User) -> Flow:
    with account_scope(acme.pk):
        return make_flow(["wait 1 day"], name=SECRET, visibility="owner", owner=keeper)


@pytest.fixture
def flow(acme: Account, secret: Flow) -> Flow:
    """Points at the private flow wherever a flow can."""
    with account_scope(acme.pk):
        made = make_flow(
            [{"split": [({"flow": secret.pk}, [])], "settings": {**EXIT, "exit_flow": secret.pk}}],
            leave_flows=[secret.pk],
            filter={"flow": secret.pk, "operator": "not_in"},
        )
        Step.objects.filter(flow=made, kind="finish").update(settings={"success_flow": secret.pk})
        return made


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def pages(flow: Flow, walk: Participant) -> list[str]:
    """Every page that says something of the flows it points at."""
    with account_scope(flow.account_id):
        split, finish = steps_of(flow, "split")[0].pk, steps_of(flow, "finish")[0].pk
    own = f"/acme/flows/{flow.pk}/"
    return [
        own,
        f"{own}?step={split}",
        f"{own}?step={finish}",
        f"{own}edit/",
        f"{own}edit/?step={split}",
        f"{own}edit/?step={finish}",
        f"{own}edit/settings/",
        f"{own}participants/{walk.pk}/",
    ]


def make_walk(flow: Flow, secret: Flow) -> Participant:
    """Somebody who came from the private flow and went on into it."""
    with account_scope(flow.account_id):
        walk = make_participant(flow, status="finished", cause="hand_over")
        asked = {"flow": flow.pk, "participant": 1}
        events.record_events("flow_handed_over", [walk.record_id], asked, flow_id=secret.pk)
        went = {"flow": secret.pk, "participant": walk.pk}
        events.record_events("flow_handed_over", [walk.record_id], went, flow_id=flow.pk)
        Participant.objects.filter(pk=walk.pk).update(enrolled_at=walk.ended_at)
        return walk


def test_no_page_names_a_private_flow_to_those_who_may_not_see_it(
    acme: Account, flow: Flow, secret: Flow, keeper: User
) -> None:
    walk, other = make_walk(flow, secret), client_of(make_member(acme, Role.FLOW_ADMIN))
    mine, admin = client_of(keeper), client_of(make_member(acme, Role.OWNER))
    told = 0
    for address in pages(flow, walk):
        said = text(other.get(address))
        assert SECRET not in said, address
        told += UNNAMED in said
        assert (SECRET in text(mine.get(address))) == (SECRET in text(admin.get(address))) == (UNNAMED in said), address
    assert told >= 5, "or the pages say nothing of it at all"


def test_a_menu_offers_no_private_flow_and_keeps_one_that_is_set(acme: Account, flow: Flow, secret: Flow) -> None:
    other = client_of(make_member(acme, Role.FLOW_ADMIN))
    with account_scope(acme.pk):
        finish = steps_of(flow, "finish")[0].pk
    page = text(other.get(f"/acme/flows/{flow.pk}/edit/?step={finish}"))
    assert page.count(f'value="{secret.pk}"') == 2, "it is set in one of the two menus, and may be moved to the other"
    answer = send(other, flow, f"steps/{finish}/", name="End", settings__success_flow=str(secret.pk))
    assert answer.status_code == 200
    assert document_of(flow)["steps"][-1]["settings"] == {"success_flow": secret.pk}
    with account_scope(acme.pk):
        blank = make_flow(["wait 1 day"])
        finish = steps_of(blank, "finish")[0].pk
    page = text(other.get(f"/acme/flows/{blank.pk}/edit/?step={finish}"))
    assert f'value="{secret.pk}"' not in page and f'value="{flow.pk}"' in page


def test_a_sentence_without_a_reader_names_only_what_everybody_may_see(
    acme: Account, secret: Flow, flow: Flow, keeper: User
) -> None:
    """As where it is stored."""
    with account_scope(acme.pk):
        kind = make_object_type()
        assert criteria.describe({"flow": secret.pk}, kind) == "was ever in the flow “a flow of somebody else's”"
        assert name_of(flow) == flow.name
        with read_by(Actor(acme.pk, Role.FLOW_ADMIN, "Keeper", user_id=keeper.pk)):
            assert SECRET in criteria.describe({"flow": secret.pk}, kind)
        with read_by(Actor(acme.pk, Role.OWNER, "Key", key_id=1)):
            assert name_of(secret) == SECRET
        with read_by(Actor(acme.pk, Role.FLOW_ADMIN, "Key", key_id=1)):
            assert name_of(secret) != SECRET


def test_a_condition_about_an_event_names_contents_only_to_whom_may_see_their_flow(
    acme: Account, secret: Flow, keeper: User
) -> None:
    with account_scope(acme.pk):
        kind = make_object_type()
        own, shared = make_content("Hush", flow_id=secret.pk), make_content("Welcome")

        def said(**detail: Any) -> str:
            return criteria.describe({"event": "link_clicked", "detail": detail}, kind).partition(" with ")[2]

        assert said(content_id=shared.pk) == "content “Welcome”"
        assert said(content_id=10**9) == "a content that is gone"
        assert said(content_id="7", url="https://a.no") == "content_id is 7, link “https://a.no”"
        assert said(flow=secret.pk) == "flow “a flow of somebody else's”"
        assert said(flow=10**9) == "a flow that is gone"
        assert said(content_id=own.pk) == "a content of somebody else's flow"
        with read_by(Actor(acme.pk, Role.FLOW_ADMIN, "Keeper", user_id=keeper.pk)):
            assert said(content_id=own.pk, flow=secret.pk) == f"content “Hush”, flow “{SECRET}”"
        custom = {"event": "custom.order", "detail": {"content_id": own.pk, "list": 3}}
        assert criteria.describe(custom, kind) == f"“Order” happened with content_id is {own.pk}, list is 3"


def test_a_copy_chooses_anew_what_was_another_flows_content(acme: Account, owner: Actor, secret: Flow) -> None:
    with account_scope(acme.pk):
        flow = make_flow([{"send_email": make_content(flow_id=secret.pk)}])
    made = copying.copy(acme.pk, flow.pk, by=owner)
    assert document_of(made)["steps"][0]["settings"] == {"content": None}

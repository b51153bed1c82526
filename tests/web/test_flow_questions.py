"""Ending, deleting and copying a flow: each asks first, names how many it touches, and needs the right."""

import pytest
from django.test import Client

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Folder
from messaging.models import Content, Message
from participants.models import Participant
from running import deletion, ending
from tests.make import make_flow, make_participant, steps_of
from tests.web.conftest import Browsers

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A flow that runs, with two people in it and one message that has not left."""
    with account_scope(acme.pk):
        flow = make_flow(["send_email", "wait 2 days"], name="Welcome", status=FlowStatus.RUNNING)
        for _ in range(2):
            inside = make_participant(flow, step=steps_of(flow)[0])
        content = Content.objects.get(flow_id=flow.pk)
        Message.objects.create(
            outbox=flow.outbox, origin_key=f"participant:{inside.pk}:0", record=inside.record, content=content
        )
        return flow


def there_is(flow: Flow) -> bool:
    """True while the flow is in the database."""
    with account_scope(flow.account_id):
        return bool(Flow.objects.filter(pk=flow.pk).exists())


def test_ending_names_the_people_and_the_messages_and_the_button_repeats_it(member: Client, flow: Flow) -> None:
    asked = member.get(f"/acme/flows/{flow.pk}/end/").content.decode()
    assert "End “Welcome”?" in asked and "End flow and cancel 2" in asked
    assert "2 people are cancelled for good, and 1 message that is not sent yet never will be." in asked


def test_htmx_gets_the_question_as_a_dialog_whose_safest_button_has_the_focus(member: Client, flow: Flow) -> None:
    asked = member.get(f"/acme/flows/{flow.pk}/end/", **HTMX).content.decode()
    assert asked.lstrip().startswith("<dialog") and "<html" not in asked
    assert "data-closes autofocus" in asked and f'action="/acme/flows/{flow.pk}/end/"' in asked


def test_a_flow_is_ended_emptied_and_deleted(member: Client, acme: Account, flow: Flow) -> None:
    assert member.post(f"/acme/flows/{flow.pk}/delete/").status_code == 409
    assert member.post(f"/acme/flows/{flow.pk}/end/")["Location"] == f"/acme/flows/{flow.pk}/"
    ending_page = member.get(f"/acme/flows/{flow.pk}/").content.decode()
    assert "The flow is ending: <b>2</b> left." in ending_page and ">Ending<" in ending_page
    refused = member.post(f"/acme/flows/{flow.pk}/delete/")
    assert refused.status_code == 409 and "still ending" in refused.content.decode()
    while ending.finish(acme.pk, flow.pk):
        pass
    asked = member.get(f"/acme/flows/{flow.pk}/delete/").content.decode()
    assert "its 1 e-mail and the story of 2 people in it are deleted for good." in asked
    assert "Delete flow and 2 stories" in asked
    assert member.post(f"/acme/flows/{flow.pk}/delete/")["Location"] == "/acme/flows/"
    assert not there_is(flow)
    while deletion.purge(acme.pk, flow.pk):
        pass
    with account_scope(acme.pk):
        assert not Participant.objects.exists()


def test_deleting_a_flow_that_nobody_has_been_in_says_so(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"])
    asked = member.get(f"/acme/flows/{flow.pk}/delete/").content.decode()
    assert "Nobody has been in it." in asked and "Delete flow<" in asked


def test_ending_what_has_ended_is_refused(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"])
    assert member.post(f"/acme/flows/{flow.pk}/end/").status_code == 409


def test_a_copy_is_made_beside_the_flow_and_shown(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        folder = Folder.objects.create(name="Membership")
        Flow.objects.filter(pk=flow.pk).update(folder=folder)
    assert "Copy “Welcome”?" in member.get(f"/acme/flows/{flow.pk}/copy/").content.decode()
    shown = member.get(member.post(f"/acme/flows/{flow.pk}/copy/")["Location"]).content.decode()
    assert "Welcome (copy)" in shown and "Membership" in shown and 'data-status="not_running"' in shown


@pytest.mark.parametrize("what", ["end", "delete", "copy"])
def test_a_marketer_may_not_and_the_menu_says_why(acme: Account, browser_of: Browsers, flow: Flow, what: str) -> None:
    marketer = browser_of(acme, Role.MARKETER)
    listed = marketer.get("/acme/flows/").content.decode()
    assert f"/flows/{flow.pk}/{what}/" not in listed and "You need the role flow admin" in listed
    for answer in (marketer.get(f"/acme/flows/{flow.pk}/{what}/"), marketer.post(f"/acme/flows/{flow.pk}/{what}/")):
        assert answer.status_code == 403
    assert there_is(flow)


@pytest.mark.parametrize("what", ["end", "delete", "copy", "folder", "review", "runs", "log", "chart", "contents"])
def test_a_stranger_finds_nothing(stranger: Client, flow: Flow, what: str) -> None:
    for account in ("acme", "globex"):
        assert stranger.get(f"/{account}/flows/{flow.pk}/{what}/").status_code == 404
    assert stranger.post(f"/globex/flows/{flow.pk}/{what}/").status_code in (404, 405)
    assert there_is(flow)

"""The editor's steps: adding, moving, removing, and who may."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Member
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Activation, Flow, FlowStatus
from flows.steps import KINDS
from tests.make import EVERY_RECORD, make_content, make_flow, make_list, make_object_type, make_participant, steps_of
from tests.web.conftest import Browsers, make_person
from tests.web.editing import document_of, send, text
from web.step_panels import PANELS


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A wait and a split with a wait in its first branch."""
    with account_scope(acme.pk):
        return make_flow(["wait 2 days", {"split": [(EVERY_RECORD, ["wait 1 hours"])]}], name="Winter")


def step(flow: Flow, number: int = 0) -> int:
    """The id of a step, in reading order."""
    with account_scope(flow.account_id):
        return int(steps_of(flow)[number].pk)


def order(flow: Flow) -> list[str]:
    """The kinds on the trunk."""
    return [each["kind"] for each in document_of(flow)["steps"]]


def test_the_chart_has_a_place_to_add_a_step_everywhere(member: Client, flow: Flow) -> None:
    """Each place opens the one palette of the page, in which the script writes the place before each kind."""
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/"))
    assert page.count('class="flow-add"') == page.count("data-adds=") == 6
    assert f'data-adds="before-{step(flow)}"' in page and 'data-adds="end-' in page
    assert "Add a step before 2 days" in page


def test_a_step_opens_its_settings(member: Client, flow: Flow) -> None:
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={step(flow)}"))
    assert 'name="settings.amount"' in page and 'aria-current="true"' in page
    fragment = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={step(flow)}", headers={"HX-Request": "true"}))
    assert 'name="settings.amount"' in fragment and "<html" not in fragment
    assert 'class="palette"' in text(member.get(f"/acme/flows/{flow.pk}/edit/?step=999999"))


def test_a_new_step_stands_where_it_was_added_and_is_opened(member: Client, flow: Flow) -> None:
    answer = send(member, flow, "steps/", htmx=False, insert=f"update_record before-{step(flow)}")
    steps = document_of(flow)["steps"]
    assert [each["kind"] for each in steps] == ["update_record", "wait", "split", "finish"]
    assert answer.status_code == 302 and answer["Location"] == f"/acme/flows/{flow.pk}/edit/?step={steps[0]['id']}"


def test_htmx_gets_the_chart_and_the_panel_of_the_new_step(member: Client, flow: Flow) -> None:
    answer = send(member, flow, "steps/", insert=f"wait before-{step(flow)}")
    new = document_of(flow)["steps"][0]["id"]
    assert answer["HX-Push-Url"].endswith(f"?step={new}")
    fragment = text(answer)
    assert f'id="card-{new}"' in fragment and "autofocus" in fragment and "Saved " in fragment
    assert 'name="revision" id="revision-chart" value="2"' in fragment


@pytest.mark.parametrize("insert", ["", "wait", "finish before-1", "nonsense before-1"])
def test_what_is_no_step_kind_cannot_be_added(member: Client, flow: Flow, insert: str) -> None:
    answer = send(member, flow, "steps/", insert=insert)
    assert answer.status_code == 404 and order(flow) == ["wait", "split", "finish"]


def test_a_step_moves_up_and_down_and_into_a_branch(member: Client, flow: Flow) -> None:
    wait = step(flow)
    finish = document_of(flow)["steps"][-1]["id"]
    assert f'value="move_step before-{finish}"' in text(member.get(f"/acme/flows/{flow.pk}/edit/?step={wait}"))
    assert send(member, flow, f"steps/{wait}/", do=f"move_step before-{finish}").status_code == 200
    assert order(flow) == ["split", "wait", "finish"]
    branch = document_of(flow)["steps"][0]["branches"][1]["id"]
    assert send(member, flow, f"steps/{wait}/", do=f"move_step end-{branch}").status_code == 200
    assert document_of(flow)["steps"][0]["branches"][1]["steps"][0]["id"] == wait


def test_a_step_is_copied_and_removed(member: Client, flow: Flow) -> None:
    wait = step(flow)
    send(member, flow, f"steps/{wait}/", do="copy_step")
    assert order(flow) == ["wait", "wait", "split", "finish"]
    answer = send(member, flow, f"steps/{wait}/", do="remove_step")
    assert order(flow) == ["wait", "split", "finish"]
    assert "Add a step" in text(answer) and f'id="card-{wait}"' not in text(answer)


def test_removing_asks_and_counts_what_is_inside(member: Client, flow: Flow) -> None:
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={step(flow, 1)}"))
    assert "Remove “Split” and the 1 step inside it?" in page


def test_a_step_where_people_stand_stays(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(
            [{"kind": "wait", "name": "Long wait", "settings": {"amount": 2, "unit": "days"}}, "wait 1 days"],
            status=FlowStatus.PAUSED,
        )
        for _ in range(2):
            make_participant(flow, step=steps_of(flow)[0])
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={step(flow)}"))
    assert "2 people stand here. Let them pass" in page and 'value="remove"' not in page
    for do in ("remove_step", f"move_step before-{document_of(flow)['steps'][-1]['id']}"):
        answer = send(member, flow, f"steps/{step(flow)}/", do=do)
        assert answer.status_code == 409 and "2 people on “Long wait”" in text(answer)
    assert order(flow) == ["wait", "wait", "finish"]


def test_somebody_elses_change_is_told_and_not_overwritten(member: Client, flow: Flow) -> None:
    wait = step(flow)
    send(member, flow, "settings/", name="Other name", only_once="on", revision=1)
    answer = send(member, flow, f"steps/{wait}/", revision=1, settings__amount="9", settings__unit="weeks")
    assert answer.status_code == 412
    assert "There is a newer version" in text(answer) and ": name." in text(answer)
    assert f'href="/acme/flows/{flow.pk}/edit/?step={wait}" data-new-version' in text(
        answer
    ) and 'id="panel"' not in text(answer)
    assert document_of(flow)["steps"][0]["settings"] == {"amount": 2, "unit": "days"}


def test_without_scripts_a_stale_page_keeps_what_was_typed(member: Client, flow: Flow) -> None:
    send(member, flow, "settings/", name="Other name", only_once="on", revision=1)
    answer = send(
        member, flow, f"steps/{step(flow)}/", htmx=False, revision=1, settings__amount="9", settings__unit="weeks"
    )
    assert answer.status_code == 412
    assert 'value="9"' in text(answer) and 'id="revision-panel" value="1"' in text(answer)


def test_a_step_that_someone_removed_is_told(member: Client, flow: Flow) -> None:
    wait = step(flow)
    send(member, flow, f"steps/{wait}/", do="remove_step")
    assert send(member, flow, f"steps/{wait}/", revision=1, settings__amount="9").status_code == 412
    assert send(member, flow, f"steps/{wait}/", settings__amount="9").status_code == 404
    assert send(member, flow, "steps/", insert=f"wait before-{wait}").status_code == 404


def test_a_form_without_a_revision_changes_nothing(member: Client, flow: Flow) -> None:
    assert send(member, flow, "steps/", revision=0, insert=f"wait before-{step(flow)}").status_code == 412
    assert order(flow) == ["wait", "split", "finish"]


def test_a_running_flow_can_be_looked_at_and_paused(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        Flow.objects.filter(pk=flow.pk).update(status=FlowStatus.RUNNING)
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/?step={step(flow)}"))
    assert "Pause and edit" in page and "disabled" in page and 'class="flow-add"' not in page
    closed = text(member.get(f"/acme/flows/{flow.pk}/edit/"))
    assert ">Review</a>" in closed and "Review and turn on" not in closed, "it is on"
    assert "Choose a step to see its settings." in closed and "choose here to add at the end" not in closed
    answer = send(member, flow, "steps/", insert=f"wait before-{step(flow)}")
    assert answer.status_code == 409 and "Pause the flow first" in text(answer)
    with account_scope(acme.pk):
        Activation.objects.create(flow=flow)
    paused = send(member, flow, "pause/", htmx=False)
    assert paused.status_code == 302 and paused["Location"] == f"/acme/flows/{flow.pk}/edit/"
    assert document_of(flow)["status"] == FlowStatus.PAUSED
    assert send(member, flow, "pause/", htmx=False).status_code == 302


@pytest.mark.parametrize("role", [Role.MARKETER, Role.VIEWER])
def test_who_may_not_edit_sees_why(acme: Account, browser_of: Browsers, flow: Flow, role: str) -> None:
    client = browser_of(acme, role)
    for part in ("", f"?step={step(flow)}", "trigger/", "email/", "success/", "settings/"):
        page = text(client.get(f"/acme/flows/{flow.pk}/edit/{part}"))
        assert "You need the role flow admin or admin for this." in page, part
        assert 'class="flow-add"' not in page
    for place in ("steps/", f"steps/{step(flow)}/", "trigger/", "email/", "success/", "settings/", "pause/"):
        assert send(client, flow, place, insert=f"wait before-{step(flow)}", name="Mine").status_code == 403, place
    assert client.get("/acme/flows/new/").status_code == 403
    assert document_of(flow)["revision"] == 1


def test_a_stranger_finds_nothing(stranger: Client, flow: Flow) -> None:
    for slug in ("acme", "globex"):
        assert stranger.get(f"/{slug}/flows/{flow.pk}/edit/").status_code == 404
        answer = stranger.post(
            f"/{slug}/flows/{flow.pk}/edit/steps/", {"insert": f"wait before-{step(flow)}", "revision": 1}
        )
        assert answer.status_code == 404
    assert document_of(flow)["revision"] == 1


def test_a_flow_of_its_owner_alone_stays_hidden_from_other_flow_admins(
    acme: Account, browser_of: Browsers, flow: Flow
) -> None:
    with account_scope(acme.pk):
        Flow.objects.filter(pk=flow.pk).update(visibility="owner")
    assert browser_of(acme, Role.FLOW_ADMIN).get(f"/acme/flows/{flow.pk}/edit/").status_code == 404
    assert send(browser_of(acme, Role.FLOW_ADMIN), flow, "settings/", name="Mine").status_code == 404


def test_problems_lead_to_where_they_are_mended(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow([{"kind": "wait", "settings": {}}, "send_email"], email=False)
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/"))
    assert "4 problems" in page and f'href="/acme/flows/{flow.pk}/edit/?step={step(flow)}"' in page
    assert f'href="/acme/flows/{flow.pk}/edit/email/"' in page and "(has problems)" in page
    assert "Say how long to wait." in text(member.get(f"/acme/flows/{flow.pk}/edit/?step={step(flow)}"))


def test_a_long_flow_takes_as_many_queries_as_a_short_one(member: Client, acme: Account) -> None:
    def queries(times: int) -> int:
        with account_scope(acme.pk):
            steps: list[Any] = [
                each
                for _ in range(times)
                for each in (
                    {"send_email": make_content()},
                    {"add_to_list": make_list()},
                    {"update_record": {"city": "Oslo"}},
                )
            ]
            flow = make_flow([*steps, {"split": [(EVERY_RECORD, ["wait 1 days"])] * times}])
            split = steps_of(flow, "split")[0].pk
        with CaptureQueriesContext(connection) as asked:
            assert member.get(f"/acme/flows/{flow.pk}/edit/?step={split}").status_code == 200
        return len(asked)

    queries(1)
    assert queries(1) == queries(6) <= 48


def test_a_new_flow_opens_in_its_editor(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_object_type()
    assert "New flow" in text(member.get("/acme/flows/new/"))
    answer = member.post("/acme/flows/new/", {"name": "Spring", "description": "For April", "object_type": "contact"})
    with account_scope(acme.pk):
        made = Flow.objects.get(name="Spring")
    assert answer.status_code == 302 and answer["Location"] == f"/acme/flows/{made.pk}/edit/"
    assert made.description == "For April"


def test_a_flow_without_a_name_is_not_made(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_object_type()
    answer = member.post("/acme/flows/new/", {"name": " ", "description": "Kept", "object_type": "contact"})
    assert answer.status_code == 422
    assert "Write a name." in text(answer) and "Kept" in text(answer)
    assert member.post("/acme/flows/new/", {"name": "X", "object_type": "planet"}).status_code == 422
    with account_scope(acme.pk):
        assert not Flow.objects.exists()


def test_every_step_kind_has_a_panel_and_a_template(member: Client, acme: Account) -> None:
    assert PANELS.keys() == KINDS.keys()
    with account_scope(acme.pk):
        flow = make_flow(
            [
                "send_email",
                "wait 1 days",
                {"kind": "wait_for_event"},
                {"split": []},
                {"random_split": []},
                {"update_record": {"city": "Oslo"}},
                {"add_to_list": make_list()},
            ]
        )
        steps = steps_of(flow)
    assert {each.kind for each in steps} == KINDS.keys()
    for each in steps:
        assert member.get(f"/acme/flows/{flow.pk}/edit/?step={each.pk}").status_code == 200, each.kind


def test_a_member_who_was_removed_saves_nothing(acme: Account, flow: Flow) -> None:
    client = Client()
    person = make_person()
    client.force_login(person)
    with account_scope(acme.pk):
        membership = Member.objects.create(user=person, role=Role.OWNER)
    assert send(client, flow, "settings/", name="First").status_code == 200
    with account_scope(acme.pk):
        membership.delete()
    assert send(client, flow, "settings/", name="Second").status_code == 404
    assert document_of(flow)["name"] == "First"

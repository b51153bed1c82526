"""The panels of waits for events, random splits, exits and hand-overs."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.models import Branch, Flow, Step
from records.models import EventKind
from tests.make import make_content, make_flow, make_list, make_participant, steps_of
from tests.web.editing import document_of, send, text

WAIT = {"kind": "wait_for_event", "settings": {"events": [], "amount": None, "unit": "days"}}


def one_step(account: Account, step: Any, **fields: Any) -> tuple[Flow, str]:
    """A flow of one step, and where its settings are saved."""
    with account_scope(account.pk):
        flow = make_flow([step], **fields)
        return flow, f"steps/{steps_of(flow)[0].pk}/"


def page_of(member: Client, flow: Flow, place: str) -> str:
    """The editor with the step's panel open."""
    return text(member.get(f"/acme/flows/{flow.pk}/edit/?step={place.split('/')[1]}"))


def first(flow: Flow) -> dict[str, Any]:
    """The first step of the document."""
    return dict(document_of(flow)["steps"][0])


def test_an_event_is_chosen_with_what_it_is_about(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, WAIT)
    with account_scope(acme.pk):
        content, chosen = make_content("Welcome letter"), make_list("Winter people")
        EventKind.objects.create(kind="custom.order_placed")
    page = page_of(member, flow, place)
    assert "Link clicked" in page and "Order placed" in page and "Choose what to wait for." in page
    sent = {"events__0__event": "link_clicked", "events__1__event": "list_joined", "settings__unit": "weeks"}
    page = text(send(member, flow, place, redraw="1", **sent))
    assert "Welcome letter" in page and "Winter people" in page and "Any link" in page
    answer = send(
        member,
        flow,
        place,
        **sent,
        events__0__content=str(content.pk),
        events__0__url="https://example.com/",
        events__1__list=str(chosen.pk),
        events__2__event="custom.order_placed",
        events__2__key="shop",
        events__2__value="oslo",
        settings__amount="2",
    )
    assert answer.status_code == 200
    assert first(flow)["settings"] == {
        "events": [
            {"event": "link_clicked", "detail": {"content_id": content.pk, "url": "https://example.com/"}},
            {"event": "list_joined", "detail": {"list": chosen.pk}},
            {"event": "custom.order_placed", "detail": {"shop": "oslo"}},
        ],
        "amount": 2,
        "unit": "weeks",
    }
    assert "Link clicked in “Welcome letter” or Put on a list in “Winter people” or Order placed" in text(answer)


def test_events_are_added_and_removed(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, WAIT)
    send(member, flow, place, events__0__event="link_clicked", do="add_event")
    assert len(first(flow)["settings"]["events"]) == 1
    send(member, flow, place, events__0__event="link_clicked", events__1__event="unsubscribed")
    send(
        member,
        flow,
        place,
        events__0__event="link_clicked",
        events__1__event="unsubscribed",
        do="remove_event events.0",
    )
    assert [each["event"] for each in first(flow)["settings"]["events"]] == ["unsubscribed"]


def test_a_warning_is_told_apart_from_what_stops_the_flow(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, WAIT)
    page = page_of(member, flow, place)
    assert "1 problem stops the flow." in page and "2 problems stop the flow." not in page
    said = 'data-tone="amber">', "Without a maximum waiting time people may stand here for ever.</p></div></div></div>"
    assert all(each in page for each in said)
    assert 'data-for="settings.amount"' not in text(send(member, flow, place, events__0__event="link_clicked"))


def test_what_the_api_asked_for_stays(member: Client, acme: Account) -> None:
    awaited = {"event": "record_updated", "detail": {"source": "import"}}
    flow, place = one_step(
        acme, {"kind": "wait_for_event", "settings": {"events": [awaited], "amount": 1, "unit": "days"}}
    )
    assert "source is import, set by the API" in page_of(member, flow, place)
    send(member, flow, place, events__0__event="record_updated", settings__amount="3", settings__unit="days")
    assert first(flow)["settings"]["events"] == [awaited]


def test_faults_stand_at_their_event(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, WAIT)
    answer = send(member, flow, place, events__0__event="link_clicked", events__0__content="999999")
    assert answer.status_code == 422 and 'data-for="events.0">There is no such content.' in text(answer)
    assert first(flow)["settings"] == WAIT["settings"]
    assert send(member, flow, place, events__0__event="two words").status_code == 422
    assert send(member, flow, place, events__0__event="link_clicked", settings__amount="x").status_code == 422


@pytest.mark.parametrize("kind", ["wait_for_event", "split"])
def test_an_exit_names_a_flow_and_a_list(member: Client, acme: Account, globex: Account, kind: str) -> None:
    step = WAIT if kind == "wait_for_event" else {"split": []}
    flow, place = one_step(acme, step)
    with account_scope(acme.pk):
        other, chosen = make_flow(name="Nurturing"), make_list("Lost")
    with account_scope(globex.pk):
        theirs = make_flow(name="Theirs")
    assert "Nurturing" not in page_of(member, flow, place)
    page = text(send(member, flow, place, settings__exit="on", redraw="1"))
    assert "Nurturing" in page and "Lost" in page and "Theirs" not in page
    send(
        member, flow, place, settings__exit="on", settings__exit_flow=str(other.pk), settings__exit_list=str(chosen.pk)
    )
    kept = first(flow)["settings"]
    assert (kept["exit"], kept["exit_flow"], kept["exit_list"]) == (True, other.pk, chosen.pk)
    refused = send(member, flow, place, settings__exit="on", settings__exit_flow=str(theirs.pk))
    assert refused.status_code == 422 and 'data-for="settings.exit_flow"' in text(refused)
    send(member, flow, place)
    assert "exit" not in first(flow)["settings"]


def test_finish_leads_into_other_flows(member: Client, acme: Account) -> None:
    flow, _place = one_step(acme, "wait 1 day")
    with account_scope(acme.pk):
        finish, other = steps_of(flow, "finish")[0], make_flow(name="Nurturing")
    place = f"steps/{finish.pk}/"
    assert "Nurturing" in page_of(member, flow, place)
    answer = send(member, flow, place, settings__success_flow=str(other.pk), settings__otherwise_flow="")
    assert document_of(flow)["steps"][-1]["settings"] == {"success_flow": other.pk}
    assert "Success goes on in “Nurturing”" in text(answer)
    assert send(member, flow, place, settings__otherwise_flow=str(flow.pk)).status_code == 422
    with account_scope(acme.pk):
        other.delete()
    page = page_of(member, flow, place)
    assert "The flow to hand over to is gone." in page and f'/edit/?step={finish.pk}">' in page
    assert "/edit/success/?step=" not in page


def test_branches_of_chance_get_weights(member: Client, acme: Account) -> None:
    flow, _place = one_step(acme, "wait 1 day")
    with account_scope(acme.pk):
        finish = steps_of(flow, "finish")[0]
    send(member, flow, "steps/", insert=f"random_split before-{finish.pk}")
    with account_scope(acme.pk):
        split = Step.objects.get(flow=flow, kind="random_split")
        one, two = Branch.objects.filter(step=split).order_by("position")
    place = f"steps/{split.pk}/"
    assert "50 % · 50 %" in page_of(member, flow, place)
    answer = send(member, flow, place, **{f"branch__{one.pk}__weight": "3", f"branch__{one.pk}__name": "Most"})
    assert "75 % · 25 %" in text(answer)
    for wrong in ("-1", "x", "1001", ""):
        answer = send(member, flow, place, **{f"branch__{one.pk}__weight": wrong})
        assert answer.status_code == (200 if not wrong else 422), wrong
    send(member, flow, place, do="add_branch")
    send(member, flow, place, do=f"remove_branch {two.pk}")
    branches = document_of(flow)["steps"][1]["branches"]
    assert [(each["name"], each["is_everyone_else"]) for each in branches] == [("Most", False), ("Branch 3", False)]


def test_a_branch_of_chance_with_people_inside_is_not_removed(member: Client, acme: Account) -> None:
    flow, place = one_step(acme, {"random_split": [(1, ["wait 1 day"]), (1, []), (1, [])]}, status="paused")
    with account_scope(acme.pk):
        make_participant(flow, step=steps_of(flow, "wait")[0])
        full = Branch.objects.filter(flow=flow).order_by("position")[0]
    assert send(member, flow, place, do=f"remove_branch {full.pk}").status_code == 409


def test_flows_that_people_leave_are_chosen(member: Client, acme: Account) -> None:
    flow, _place = one_step(acme, "wait 1 day")
    with account_scope(acme.pk):
        other, last = make_flow(name="Nurturing"), make_flow(name="Winback")
    page = text(member.get(f"/acme/flows/{flow.pk}/edit/settings/"))
    assert "Flows that people leave" in page and "Nurturing" in page
    send(member, flow, "settings/", name="Welcome", leave_flows=[str(other.pk), str(last.pk)])
    assert document_of(flow)["leave_flows"] == [other.pk, last.pk]
    send(member, flow, "settings/", name="Welcome", leave_flows=str(other.pk), do=f"remove_flow {last.pk}")
    assert document_of(flow)["leave_flows"] == [other.pk]
    assert send(member, flow, "settings/", name="Welcome", leave_flows=str(flow.pk)).status_code == 422
    assert document_of(flow)["leave_flows"] == [other.pk]

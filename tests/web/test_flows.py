"""The list of flows and its switch."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Step, Visibility
from messaging.models import Content
from participants.models import ParticipantStatus
from running import contents
from scheduling import clock
from tests.make import EVERY_RECORD, make_contact, make_flow, make_participant
from tests.web.conftest import Browsers, make_person
from web import flows as pages

HTMX = {"HTTP_HX_REQUEST": "true"}
LAST_DAY = {"frequency": "monthly", "days": [31]}


def page(client: Client, address: str = "/acme/flows/") -> str:
    """The text of a page that must be there."""
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def turn(client: Client, flow: Flow, how: str, *, part: str = "row", **headers: str):  # type: ignore[no-untyped-def]
    """Press the switch on a page that wants the flow on or off."""
    return client.post(f"/acme/flows/{flow.pk}/toggle/", {"turn": how, "part": part}, **headers)


def status_of(flow: Flow) -> str:
    """As it is in the database."""
    with account_scope(flow.account_id):
        return str(Flow.objects.get(pk=flow.pk).status)


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A flow that can be turned on."""
    with account_scope(acme.pk):
        return make_flow(["send_email", "wait 2 days"], name="Welcome", schedule=LAST_DAY)


@pytest.fixture
def incomplete(acme: Account) -> Flow:
    """A flow whose e-mail has no subject."""
    with account_scope(acme.pk):
        made = make_flow(["send_email"], name="Not yet", schedule=LAST_DAY)
        Content.objects.update(subject="")
        return made


# --- The list ---------------------------------------------------------------------------------------------


def test_a_row_says_status_counts_schedule_and_next_run(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(
            ["wait 2 days"],
            name="Month end",
            schedule=LAST_DAY,
            status=FlowStatus.RUNNING,
            success=[{"name": "Won", "criteria": EVERY_RECORD}],
        )
        for status in (ParticipantStatus.ACTIVE, ParticipantStatus.FINISHED, ParticipantStatus.FINISHED_WITH_SUCCESS):
            make_participant(flow, status=status)
        make_participant(flow, status=ParticipantStatus.DROPPED_OUT, reason="no_consent")
    listed = page(member)
    for expected in (
        "Month end",
        'data-status="running">Running',
        'data-label="Enrolled">4<',
        'data-label="In progress">1<',
        'data-label="Completed">2<',
        'data-label="Succeeded">1 <span class="faint">· 25 %',
        "at 09:00, Europe/Oslo",
        ", 09:00",
    ):
        assert expected in listed


def test_a_rate_without_success_criteria_is_a_dash(member: Client, flow: Flow) -> None:
    assert 'data-label="Succeeded"><span class="faint">–</span>' in page(member)


def test_numbers_have_a_narrow_space_in_thousands(member: Client, acme: Account, flow: Flow) -> None:
    from participants import statistics

    with account_scope(acme.pk):
        statistics.add(flow.pk, [(0, "enrolled", 12_840), (0, "finished", 12_840)])
    assert 'data-label="Enrolled">12\u202f840<' in page(member)


def test_the_next_run_stands_in_the_accounts_time_zone(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_flow(["wait 2 days"], schedule={"frequency": "daily"}, status=FlowStatus.RUNNING)
        Account.objects.filter(pk=acme.pk).update(time_zone="Europe/Oslo")
    in_oslo = page(member)
    assert ", 09:00" in in_oslo


def test_other_accounts_flows_are_not_listed(member: Client, globex: Account, flow: Flow) -> None:
    with account_scope(globex.pk):
        make_flow(["wait 2 days"], name="Secret of Globex")
    assert "Secret of Globex" not in page(member)


def test_a_flow_for_its_owner_is_seen_by_the_owner_and_by_admins_only(acme: Account, browser_of: Browsers) -> None:
    person = make_person()
    with account_scope(acme.pk):
        Member.objects.create(user=person, role=Role.MARKETER)
        flow = make_flow(["wait 2 days"], name="Private", owner=person, visibility=Visibility.OWNER)
    own = Client()
    own.force_login(person)
    admin, marketer = browser_of(acme, Role.ADMIN), browser_of(acme, Role.MARKETER)
    assert "Private" in page(own) and "Private" in page(admin) and "Private" not in page(marketer)
    assert marketer.get(f"/acme/flows/{flow.pk}/").status_code == 404
    assert turn(marketer, flow, "on").status_code == 404
    assert status_of(flow) == FlowStatus.NOT_RUNNING


def test_flows_without_an_owner_stay_hidden_when_they_are_for_their_owner(acme: Account, browser_of: Browsers) -> None:
    with account_scope(acme.pk):
        make_flow(["wait 2 days"], name="Orphan", visibility=Visibility.OWNER)
    assert "Orphan" not in page(browser_of(acme, Role.MARKETER))


def test_the_list_can_be_narrowed_by_status_and_name(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        make_flow(["wait 2 days"], name="Aurora", status=FlowStatus.RUNNING)
        make_flow(["wait 2 days"], name="Basket", status=FlowStatus.PAUSED)
    paused = page(member, "/acme/flows/?show=paused")
    assert "Basket" in paused and "Aurora" not in paused
    found = page(member, "/acme/flows/?search=auro")
    assert "Aurora" in found and "Basket" not in found
    assert "No such flow" in page(member, "/acme/flows/?search=%25&show=running")
    assert "Aurora" in page(member, "/acme/flows/?show=nonsense&page=nonsense&search=%00&sort=nonsense&view=nonsense")


def test_long_lists_come_by_pages(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        for number in range(pages.ON_A_PAGE + 1):
            make_flow(["wait 2 days"], name=f"Flow no {number:03}", email=False)
    first, second = page(member), page(member, "/acme/flows/?page=2")
    assert "Flow no 024" in first and "Flow no 025" not in first and "1–25 of 26" in first
    assert "Flow no 025" in second and "Flow no 024" not in second


def test_an_account_without_flows_says_what_to_do(member: Client) -> None:
    assert "Getting started" in page(member)


def test_markup_in_names_stays_text(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], name='"><script>alert(1)</script>')
    assert "<script>alert" not in page(member)
    assert "<script>alert" not in page(member, f"/acme/flows/{flow.pk}/")


@pytest.mark.parametrize("address", ["/acme/flows/", "/acme/flows/{flow}/"])
def test_the_number_of_queries_does_not_grow(member: Client, acme: Account, address: str) -> None:
    used = []
    for more in (1, 29):
        with account_scope(acme.pk):
            for _ in range(more):
                flow = make_flow(["send_email", "wait 2 days"], schedule=LAST_DAY, status=FlowStatus.RUNNING)
            for _ in range(more):
                make_participant(flow, make_contact())
        with CaptureQueriesContext(connection) as queries:
            page(member, address.format(flow=flow.pk))
        used.append(len(queries))
    assert used[0] == used[1] < 50


def test_a_row_says_what_stops_the_flow(member: Client, flow: Flow, incomplete: Flow) -> None:
    listed = page(member)
    assert "Write a subject." in listed and 'data-severity="error"' in listed
    switch = listed[listed.index(f'id="toggle-{incomplete.pk}"') :]
    assert 'aria-disabled="true"' in switch[: switch.index(">")], "what cannot be turned on says so"


def names(client: Client, query: str) -> list[str]:
    """The flows that the list shows, in its order."""
    return [row.flow.name for row in client.get(f"/acme/flows/{query}").context["rows"]]


def test_the_tabs_keep_flows_with_problems_and_those_opened_lately(
    member: Client, acme: Account, incomplete: Flow
) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["send_email", "wait 2 days"], name="Welcome", schedule=LAST_DAY)
    assert names(member, "?show=problems") == ["Not yet"]
    assert names(member, "?show=running") == []
    assert "None opened yet" in page(member, "/acme/flows/?show=recent")
    for each in (flow, incomplete, flow):
        page(member, f"/acme/flows/{each.pk}/")
    assert names(member, "?show=recent") == ["Welcome", "Not yet"]


def test_the_list_sorts_by_its_columns_both_ways(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        for name, people, schedule in (("b", 2, {"frequency": "daily"}), ("A", 0, None), ("c", 1, LAST_DAY)):
            flow = make_flow(["wait 2 days"], name=name, schedule=schedule, status=FlowStatus.RUNNING)
            for _ in range(people):
                make_participant(flow)
    assert names(member, "") == ["A", "b", "c"]
    assert names(member, "?sort=-name") == ["c", "b", "A"]
    assert names(member, "?sort=-enrolled") == names(member, "?sort=-active") == ["b", "c", "A"]
    assert names(member, "?sort=enrolled") == ["A", "c", "b"]
    assert names(member, "?sort=next") == ["b", "c", "A"] and names(member, "?sort=-next") == ["c", "b", "A"]
    assert 'aria-sort="descending"' in page(member, "/acme/flows/?sort=-owner")


def test_tiles_show_the_same_and_are_remembered(member: Client, flow: Flow) -> None:
    tiles = page(member, "/acme/flows/?view=tiles")
    assert 'class="tile-path"' in tiles and "<table" not in tiles
    for figure in ("Enrolled", "In progress", "Completed", "Succeeded"):
        assert f"<dt>{figure}</dt>" in tiles
    assert 'class="tile-path"' in page(member)
    assert "<table" in page(member, "/acme/flows/?view=table")
    tile = turn(member, flow, "on", part="tile", **HTMX).content.decode()
    assert tile.lstrip().startswith(f'<li class="tile" id="flow-{flow.pk}">') and 'aria-checked="true"' in tile


def test_tiles_take_a_constant_number_of_queries(member: Client, acme: Account) -> None:
    used = []
    for more in (1, 11):
        with account_scope(acme.pk):
            for _ in range(more):
                make_flow(["send_email", "wait 2 days"], schedule=LAST_DAY, status=FlowStatus.RUNNING)
        page(member, "/acme/flows/?view=tiles")
        with CaptureQueriesContext(connection) as queries:
            page(member, "/acme/flows/")
        used.append(len(queries))
    assert used[0] == used[1] < 45


# --- The switch -------------------------------------------------------------------------------------------


def test_the_switch_starts_pauses_and_resumes(member: Client, flow: Flow) -> None:
    seen = []
    for how in ("on", "off", "on"):
        assert turn(member, flow, how).status_code == 302
        seen.append(status_of(flow))
    assert seen == [FlowStatus.RUNNING, FlowStatus.PAUSED, FlowStatus.RUNNING]


def test_without_scripts_one_is_back_where_one_was(member: Client, flow: Flow) -> None:
    here = f"http://testserver/acme/flows/{flow.pk}/?status=active"
    assert turn(member, flow, "on", HTTP_REFERER=here)["Location"] == here
    assert turn(member, flow, "off", HTTP_REFERER="https://evil.example/")["Location"] == "/acme/flows/"


def test_htmx_gets_the_row_as_it_is_now(member: Client, flow: Flow) -> None:
    row = turn(member, flow, "on", **HTMX).content.decode()
    assert row.lstrip().startswith(f'<tr id="flow-{flow.pk}">')
    assert 'aria-checked="true"' in row and 'name="turn" value="off"' in row
    paused = turn(member, flow, "off", **HTMX).content.decode()
    assert 'aria-checked="false"' in paused and 'data-status="paused"' in paused


def test_htmx_gets_the_header_when_the_switch_stood_there(member: Client, flow: Flow) -> None:
    head = turn(member, flow, "on", part="head", **HTMX).content.decode()
    assert 'id="flow-head"' in head and "toggle--large" in head and "<tr" not in head


def test_a_stale_page_does_not_turn_the_flow_round(member: Client, flow: Flow) -> None:
    turn(member, flow, "on")
    again = turn(member, flow, "on", **HTMX)
    assert again.status_code == 200 and 'aria-checked="true"' in again.content.decode()
    assert status_of(flow) == FlowStatus.RUNNING


def test_a_flow_with_a_problem_is_not_turned_on_and_says_why(member: Client, incomplete: Flow) -> None:
    answer = turn(member, incomplete, "on")
    assert answer.status_code == 409
    assert "Write a subject." in answer.content.decode()
    assert status_of(incomplete) == FlowStatus.NOT_RUNNING


def test_htmx_gets_a_refusal_beside_the_row(member: Client, incomplete: Flow) -> None:
    answer = turn(member, incomplete, "on", **HTMX)
    said = answer.content.decode()
    assert (answer.status_code, answer["HX-Retarget"], answer["HX-Reswap"]) == (409, "#toasts", "beforeend")
    assert 'role="alert"' in said and "Write a subject." in said
    assert f'<template><tr id="flow-{incomplete.pk}" hx-swap-oob="true">' in said


def test_the_history_names_the_person(acme: Account, flow: Flow) -> None:
    from accounts.models import History

    person = make_person(name="Maja Nyström")
    with account_scope(acme.pk):
        Member.objects.create(user=person, role=Role.MARKETER)
    client = Client()
    client.force_login(person)
    turn(client, flow, "on")
    with account_scope(acme.pk):
        row = History.objects.get(subject="flow", subject_id=flow.pk, verb="start")
    assert (row.by_name, row.by_user) == ("Maja Nyström", person.pk)


def test_a_viewer_sees_the_switch_with_the_reason_and_cannot_use_it(
    acme: Account, browser_of: Browsers, flow: Flow
) -> None:
    viewer = browser_of(acme, Role.VIEWER)
    listed = page(viewer)
    assert 'aria-disabled="true"' in listed and "You need the role marketer" in listed
    assert "/toggle/" not in listed
    answer = turn(viewer, flow, "on")
    assert answer.status_code == 403 and "You need the role marketer" in answer.content.decode()
    assert status_of(flow) == FlowStatus.NOT_RUNNING


def test_the_switch_needs_a_form_of_this_site(acme: Account, flow: Flow, member: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = member.cookies
    assert turn(strict, flow, "on").status_code == 403
    assert status_of(flow) == FlowStatus.NOT_RUNNING


def test_a_session_that_has_ended_leads_htmx_to_the_login_and_back(nobody: Client, flow: Flow) -> None:
    here = "http://testserver/acme/flows/?status=paused"
    answer = turn(nobody, flow, "on", HTTP_HX_CURRENT_URL=here, **HTMX)
    assert answer["HX-Redirect"] == "/login/?next=/acme/flows/%3Fstatus%3Dpaused"
    assert status_of(flow) == FlowStatus.NOT_RUNNING


@pytest.mark.parametrize("flow_id", ["0", "999999", "9" * 30])
def test_a_flow_that_does_not_exist_is_not_found(member: Client, flow_id: str) -> None:
    assert member.get(f"/acme/flows/{flow_id}/").status_code == 404
    assert member.post(f"/acme/flows/{flow_id}/toggle/", {"turn": "on"}).status_code == 404


def test_pages_speak_the_persons_language(acme: Account, flow: Flow) -> None:
    person = make_person(language="sv")
    with account_scope(acme.pk):
        Member.objects.create(user=person, role=Role.OWNER)
    client = Client()
    client.force_login(person)
    listed = page(client)
    assert '<html lang="sv">' in listed and "Flöden" in listed and "Inte igång" in listed
    assert User.objects.get(pk=person.pk).language == "sv"


def test_the_tab_of_problems_follows_what_changes(member: Client, acme: Account, incomplete: Flow) -> None:
    def with_problems() -> list[str]:
        return names(member, "?show=problems")

    assert with_problems() == with_problems() == ["Not yet"]
    with account_scope(acme.pk):
        chosen = Step.objects.get(flow=incomplete, kind="send_email").settings["content"]
    clock.forward(timedelta(minutes=1))
    contents.edit(acme.pk, chosen, {"subject": "Now"}, read_at=None)
    assert with_problems() == []


def test_the_list_asks_by_itself_for_its_rows_and_numbers(member: Client, flow: Flow) -> None:
    answer = member.get("/acme/flows/", **HTMX, HTTP_HX_TARGET="live").content.decode()
    assert 'data-polls="10"' in page(member), "the page says how often"
    assert "<html" not in answer and "Welcome" in answer
    assert 'id="number-running" hx-swap-oob="true"' in answer, "the tabs' numbers are drawn anew too"
    assert f'id="flow-{flow.pk}" hx-swap-oob' not in answer, "rows come with their table"


def test_the_switch_says_what_it_did_and_how_to_take_it_back(member: Client, flow: Flow) -> None:
    turned_on = turn(member, flow, "on", **HTMX).content.decode()
    assert "Turned on." in turned_on and 'name="turn" value="off"' in turned_on
    paused = turn(member, flow, "off", **HTMX).content.decode()
    assert "Paused." in paused and "Turn on again" in paused

"""Who is in a flow: where each stands, and the ways to find somebody."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Account, History
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from messaging.models import Content, Message, MessageStatus
from participants import searching
from participants.models import Participant, ParticipantStatus
from records.models import Record
from scheduling.clock import now
from tests.make import make_contact, make_contacts, make_flow, make_participant, steps_of
from tests.walking import check_counts
from web import paging


def page(client: Client, flow: Flow, query: str = "") -> str:
    """The text of the list of participants."""
    answer = client.get(f"/acme/flows/{flow.pk}/participants/{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def flow(acme: Account) -> Flow:
    """A running flow."""
    with account_scope(acme.pk):
        return make_flow(["wait 2 days", "send_email"], name="Welcome", status=FlowStatus.RUNNING)


def test_a_row_says_who_stands_where_since_when_and_until_when(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        wait = steps_of(flow, "wait")[0]
        kathe = make_contact(first_name="Käthe", last_name="Ångström")
        make_participant(flow, kathe, step=wait, wait_until=now() + timedelta(days=2))
    shown = page(member, flow)
    for expected in ("Käthe Ångström", ">KÅ<", 'data-status="active">Active', ">Wait: 2 days<"):
        assert expected in shown


def test_a_row_says_why_somebody_left(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_participant(flow, status=ParticipantStatus.DROPPED_OUT, reason="no_consent")
    assert "No consent to marketing" in page(member, flow)


def test_somebody_before_the_first_step_stands_in_the_queue(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_participant(flow)
    shown = page(member, flow)
    assert ">Queue<" in shown and '<td class="date" data-label="Next or left">–</td>' in shown


def test_the_figures_of_each_status_change_with_the_list(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_participant(flow)
    live = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "live"}
    shown = member.get(f"/acme/flows/{flow.pk}/participants/?status=active", **live).content.decode()  # type: ignore[arg-type]
    assert 'id="statuses" hx-swap-oob="true"' in shown and 'Active <span class="faint">1</span>' in shown
    summary = member.get(f"/acme/flows/{flow.pk}/", **live).content.decode()  # type: ignore[arg-type]
    assert 'id="statuses"' not in summary


def test_a_record_without_a_name_goes_by_its_address_else_its_number(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_participant(flow, make_contact("nameless@example.com"))
        bare = make_contact(None)
        make_participant(flow, bare)
    shown = page(member, flow)
    assert "nameless@example.com" in shown and f"#{bare.pk}" in shown


def test_the_story_of_a_deleted_record_stays(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        participant = make_participant(flow, status=ParticipantStatus.DROPPED_OUT, reason="record_deleted")
        Record.objects.filter(pk=participant.record_id).delete()
    assert "Deleted record" in page(member, flow)


def test_the_list_can_be_kept_to_one_status(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        make_participant(flow, make_contact(first_name="Inside"))
        make_participant(flow, make_contact(first_name="Outside"), status=ParticipantStatus.FINISHED)
    finished = page(member, flow, "?status=finished")
    assert "Outside" in finished and "Inside" not in finished
    assert "Nobody here" in page(member, flow, "?status=cancelled")
    assert "Inside" in page(member, flow, "?status=nonsense&before=nonsense&after=99999999999999999999")


def test_one_can_page_to_the_oldest_and_back(
    member: Client, acme: Account, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "ON_A_PAGE", 3)
    with account_scope(acme.pk):
        for record in make_contacts(7):
            make_participant(flow, record)
        newest_first = list(Participant.objects.order_by("-pk").values_list("pk", flat=True))
    address = f"/acme/flows/{flow.pk}/participants/?status=active"
    forth, addresses = [], [address]
    while True:
        shown = member.get(address).context["page"]
        forth.append([each.pk for each in shown.rows])
        if not shown.older:
            break
        address = f"/acme/flows/{flow.pk}/participants/{shown.older}"
        addresses.append(address)
        assert "status=active" in address
    assert forth == [newest_first[:3], newest_first[3:6], newest_first[6:]]
    back = []
    while shown.newer:
        shown = member.get(f"/acme/flows/{flow.pk}/participants/{shown.newer}").context["page"]
        back.append([each.pk for each in shown.rows])
    assert back == [newest_first[3:6], newest_first[:3]]
    assert shown.newer == "" and shown.older


@pytest.mark.parametrize(
    ("status", "people", "sentence"),
    [
        (FlowStatus.RUNNING, 0, "Nobody is in the flow now."),
        (FlowStatus.RUNNING, 1, "<b>1</b> person is moving through the steps."),
        (FlowStatus.RUNNING, 2, "<b>2</b> people are moving through the steps."),
        (FlowStatus.PAUSED, 2, "<b>2</b> new ones wait in the queue until you turn the flow on."),
        (FlowStatus.NOT_RUNNING, 0, "Nobody is in the flow. It starts nobody until you turn it on."),
        (FlowStatus.NOT_RUNNING, 2, "The flow is ending: <b>2</b> left."),
    ],
)
def test_a_flow_says_what_is_true_now(member: Client, acme: Account, status: str, people: int, sentence: str) -> None:
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], status=status)
        for _ in range(people):
            make_participant(flow)
    assert sentence in page(member, flow)


def test_a_problem_stands_beside_the_switch(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow([])
    assert "Add a step" in page(member, flow)


def test_somebody_is_found_by_step_and_by_name(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        wait, send = steps_of(flow)[:2]
        make_participant(flow, make_contact(first_name="Käthe"), step=wait)
        make_participant(flow, make_contact(first_name="Søren"), step=send)
        make_participant(flow, make_contact(first_name="Queued"))
        gone = make_participant(flow, make_contact(first_name="Gone"), status=ParticipantStatus.DROPPED_OUT)
        Participant.objects.filter(pk=gone.pk).update(step_id=wait.pk)

    def found(query: str) -> list[str]:
        rows = member.get(f"/acme/flows/{flow.pk}/participants/{query}").context["participants"]
        return sorted(row.record.properties["first_name"] for row in rows)

    assert found(f"?step={wait.pk}") == ["Käthe"] and found("?step=0") == ["Queued"]
    assert found("?search=søren") == ["Søren"] and found("?search=example.com") == found("") and len(found("")) == 4
    assert found("?status=left_early") == ["Gone"] == found(f"?status=dropped_out&step={wait.pk}")
    assert found("?step=x&status=x") == found("")


def test_those_who_left_are_found_by_why(member: Client, acme: Account, flow: Flow) -> None:
    assert "Left because" not in page(member, flow)
    with account_scope(acme.pk):
        make_participant(flow, make_contact(first_name="Here"))
        for name, reason in (("Dry", "no_consent"), ("Dull", "no_address"), ("Dim", "no_consent")):
            someone = make_contact(first_name=name)
            make_participant(flow, someone, status=ParticipantStatus.DROPPED_OUT, reason=reason)
        elsewhere = make_flow(["wait 2 days"])
        make_participant(elsewhere, status=ParticipantStatus.DROPPED_OUT, reason="exclusion_list")
    shown = member.get(f"/acme/flows/{flow.pk}/participants/?reason=no_consent")
    assert [code for code, _text in shown.context["reasons"]] == ["no_consent", "no_address"]
    assert [row.record.properties["first_name"] for row in shown.context["participants"]] == ["Dim", "Dry"]
    assert '<option value="no_consent" selected>No consent to marketing</option>' in shown.content.decode()
    assert "Nobody here" in page(member, flow, "?reason=no_consent&status=active")
    with account_scope(acme.pk):
        send = steps_of(flow)[1]
        Participant.objects.filter(record__properties__first_name="Dim").update(step_id=send.pk)
    at_the_step = member.get(f"/acme/flows/{flow.pk}/participants/?reason=no_consent&step={send.pk}")
    assert [row.record.properties["first_name"] for row in at_the_step.context["participants"]] == ["Dim"]
    found = member.get(f"/acme/flows/{flow.pk}/participants/?reason=no_consent&search=dry").context["participants"]
    assert [row.record.properties["first_name"] for row in found] == ["Dry"]


def test_a_search_that_takes_too_long_says_so(
    member: Client, acme: Account, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with account_scope(acme.pk):
        make_participant(flow)
    monkeypatch.setattr(searching, "ALL", "select p.id from pg_sleep(60), (select 1 as id) p")
    monkeypatch.setattr(searching, "NEAR", 0)
    monkeypatch.setattr("records.searching.PATIENCE", 20)
    shown = page(member, flow, "?search=anna")
    assert "Looking takes too long" in shown and "data-polls" not in shown, "it is not asked again and again"
    assert "data-polls" in page(member, flow)
    assert "Looking takes too long" in member.get(f"/acme/flows/{flow.pk}/log/?search=anna").content.decode()


def test_a_row_says_how_the_last_message_fares(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        inside = make_participant(flow, step=steps_of(flow)[1])
        content = Content.objects.get(flow_id=flow.pk)
        for hop, status in ((0, MessageStatus.FAILED), (2, MessageStatus.SENT)):
            Message.objects.create(
                outbox=flow.outbox,
                origin_key=f"participant:{inside.pk}:{hop}",
                record=inside.record,
                content=content,
                status=status,
            )
    assert member.get(f"/acme/flows/{flow.pk}/participants/").context["participants"][0].last_message.status == "sent"


def chosen(*participants: Participant) -> str:
    """The query that names them."""
    return "?" + "&".join(f"participant={each.pk}" for each in participants)


def test_several_leave_together_after_a_question_that_names_how_many(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        wait = steps_of(flow, "wait")[0]
        one, two, stays = (make_participant(flow, each, step=wait) for each in make_contacts(3))
        gone = make_participant(flow, status=ParticipantStatus.FINISHED)
    address = f"/acme/flows/{flow.pk}/participants/leave/{chosen(one, two, gone)}"
    assert "Let 2 people leave the flow?" in member.get(address).content.decode()
    assert "2 people have left the flow." in member.post(address, follow=True).content.decode()
    with account_scope(acme.pk):
        assert list(Participant.objects.filter(status=ParticipantStatus.ACTIVE)) == [stays]
        assert History.objects.filter(subject="participant", verb="leave").count() == 2


def test_several_are_erased_together_and_no_count_knows_of_them(member: Client, acme: Account, flow: Flow) -> None:
    with account_scope(acme.pk):
        inside, over, stays = (make_participant(flow, each) for each in make_contacts(3))
    address = f"/acme/flows/{flow.pk}/participants/erase/{chosen(inside, over)}"
    assert "Erase 2 people" in member.get(address).content.decode()
    member.post(address)
    with account_scope(acme.pk):
        assert list(Participant.objects.all()) == [stays]
        assert check_counts(flow).enrolled == 1


def test_chosen_people_of_another_flow_or_account_stay(
    member: Client, stranger: Client, acme: Account, globex: Account, flow: Flow
) -> None:
    with account_scope(acme.pk):
        here, elsewhere = make_participant(flow), make_participant(make_flow(status=FlowStatus.RUNNING))
    member.post(f"/acme/flows/{flow.pk}/participants/erase/{chosen(elsewhere)}")
    assert stranger.post(f"/acme/flows/{flow.pk}/participants/erase/{chosen(here)}").status_code == 404
    with account_scope(acme.pk):
        assert Participant.objects.count() == 2

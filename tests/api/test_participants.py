"""Participants over the API: enrolled one by one or from a list, looked at, let go, erased."""

import pytest

from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow
from participants import hearing, intake
from participants.models import Intake, Participant, StepLog
from records import events
from records.models import Record
from scheduling.clock import now
from tests import make, walking
from triggers import matching

from .conftest import API

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow(acme):
    with account_scope(acme.pk):
        return make.make_flow(["wait 2 days"], status="running")


@pytest.fixture
def url(flow):
    return f"{API}/flows/{flow.pk}/participants/"


@pytest.fixture
def walk(acme, flow):
    with account_scope(acme.pk):
        return make.make_participant(flow, step=make.steps_of(flow)[0])


def test_each_record_is_answered(api, acme, url, walk):
    with account_scope(acme.pk):
        new, company = make.make_contact(), make.make_record("company")
    ids = [new.pk, walk.record_id, company.pk, 10**15]
    answer = api.post(url, {"records": ids})
    assert answer.status_code == 200, answer.content
    results = answer.json()["results"]
    assert [each["record"] for each in results] == ids
    assert [each["outcome"] for each in results] == ["enrolled", "already_active", "not_found", "not_found"]
    assert results[0]["text"] == ""
    assert results[1]["text"]
    assert api.get(f"{url}?record={new.pk}").json()["results"][0]["cause"] == "api"


def test_another_accounts_records_are_not_found(api, globex, url):
    with account_scope(globex.pk):
        theirs = make.make_contact()
    assert api.post(url, {"records": [theirs.pk]}).json()["results"][0]["outcome"] == "not_found"


def test_a_list_is_enrolled_in_the_background(api, acme, flow, url):
    with account_scope(acme.pk):
        chosen = make.make_list(records=make.make_contacts(3))
    answer = api.post(url, {"list": chosen.pk})
    assert (answer.status_code, answer.json()["queued"]) == (202, 3)
    with account_scope(acme.pk):
        assert Intake.objects.count() == 3
        Record.objects.filter(pk=Intake.objects.first().record_id).update(archived_at=now())
    told = f"{API}/flows/{flow.pk}/list-enrolments/"
    one = f"{told}{answer.json()['list_enrolment']}/"
    shown = api.get(one).json()
    assert (shown["is_under_way"], shown["enrolled"], shown["left_out"]) == (True, 0, {})
    intake.drain(acme.pk, flow.pk)
    shown = api.get(one).json()
    assert (shown["is_under_way"], shown["enrolled"], shown["left_out"]) == (False, 2, {"not_found": 1})
    assert (shown["list"], shown["list_name"], shown["asked"]) == (chosen.pk, chosen.name, 3)
    assert api.get(told).json()["results"] == [shown]
    with account_scope(acme.pk):
        other = make.make_flow()
    assert api.get(f"{API}/flows/{other.pk}/list-enrolments/{shown['id']}/").status_code == 404


def test_the_same_list_with_the_same_key_is_queued_once(api, acme, url):
    with account_scope(acme.pk):
        chosen = make.make_list(records=make.make_contacts(3))
    for _ in range(2):
        answer = api.post(url, {"list": chosen.pk}, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["queued"]) == (202, 3)
    with account_scope(acme.pk):
        assert Intake.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"records": [1], "list": 1}, ""),
        ({"records": []}, "records"),
        ({"records": [0]}, "records.0"),
        ({"records": ["one"]}, "records.0"),
        ({"records": [1] * 10_001}, "records"),
        ({"list": 10**15}, "list"),
        ({"list": None}, "list"),
        ({"records": [1], "now": True}, "now"),
    ],
)
def test_a_fault_names_its_place(api, url, body, path):
    answer = api.post(url, body)
    assert answer.status_code == 422, answer.content
    assert path in {error["path"] for error in answer.json()["errors"]}


def test_a_flow_that_is_not_running_takes_nobody(api, acme):
    with account_scope(acme.pk):
        flow, contact = make.make_flow(), make.make_contact()
    answer = api.post(f"{API}/flows/{flow.pk}/participants/", {"records": [contact.pk]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_running")


def test_participants_are_found_by_status_step_and_record(api, acme, flow, url, walk):
    with account_scope(acme.pk):
        queued = make.make_participant(flow)
        gone = make.make_participant(flow, status="dropped_out", reason="no_consent")

    def found(query):
        return [each["id"] for each in api.get(f"{url}?{query}").json()["results"]]

    assert found("") == [gone.pk, queued.pk, walk.pk]
    assert found("status=dropped_out") == [gone.pk]
    assert found("reason=no_consent") == [gone.pk] and found("reason=no_address") == []
    assert found(f"step={walk.step_id}") == [walk.pk]
    assert found("step=0") == [queued.pk]
    assert found(f"record={walk.record_id}") == [walk.pk]
    assert api.get(f"{url}?status=dropped_out").json()["results"][0]["reason_text"]
    assert api.get(f"{url}?status=asleep").status_code == 422
    assert api.get(f"{url}?reason=boredom").status_code == 422


def test_a_participant_shows_what_the_steps_did_newest_first(api, acme, flow, walk):
    with account_scope(acme.pk):
        for hop in (1, 2):
            StepLog.objects.create(
                participant_id=walk.pk, hop=hop, flow_id=flow.pk, step_id=hop, outcome="continued", at=now()
            )
    shown = api.get(f"{API}/participants/{walk.pk}/").json()
    assert (shown["flow"], shown["record"], shown["status"]) == (flow.pk, walk.record_id, "active")
    assert [each["hop"] for each in shown["log"]] == [2, 1]


def test_a_participant_shows_where_it_was_handed_over_to_and_what_came_of_it(api, as_role, acme):
    with account_scope(acme.pk):
        closed = make.make_flow(["wait 1 day"], status="running", name="Winback", filter={"not": {"all": []}})
        end = {"kind": "finish", "settings": {"otherwise_flow": closed.pk}}
        source = make.make_flow([end], status="running")
        events.listen(hearing.heard_kinds(source))
        walk = make.make_participant(source, step=make.steps_of(source)[0])
    url = f"{API}/participants/{walk.pk}/"
    assert api.get(url).json()["handed_over"] == []
    walking.walk(source)
    assert [each["outcome"] for each in api.get(url).json()["handed_over"]] == ["waiting"]
    matching.match(acme.pk)
    intake.drain(acme.pk, closed.pk)
    (told,) = api.get(url).json()["handed_over"]
    assert (told["flow"], told["outcome"]) == (closed.pk, "filtered") and told["at"]
    assert told["text"] == "Asked to go on in the flow “Winback”"
    assert told["outcome_text"] == "Did not come in: Does not meet the flow's filter"
    with account_scope(acme.pk):
        Flow.objects.filter(pk=closed.pk).update(visibility="owner")
    (told,) = as_role(Role.VIEWER).get(url).json()["handed_over"]
    assert (told["flow"], told["outcome"], told["outcome_text"]) == (None, "", "") and "Winback" not in told["text"]


def test_one_who_leaves_is_dropped_out_and_the_story_stays(api, walk):
    url = f"{API}/participants/{walk.pk}/leave/"
    left = api.post(url)
    assert left.status_code == 200, left.content
    assert (left.json()["status"], left.json()["reason"]) == ("dropped_out", "left_by_hand")
    again = api.post(url)
    assert (again.status_code, again.json()["code"]) == (409, "walk_is_over")


def test_erasing_leaves_no_trace(api, acme, flow, url, walk):
    assert api.delete(f"{API}/participants/{walk.pk}/").status_code == 204
    assert api.get(f"{API}/participants/{walk.pk}/").status_code == 404
    assert api.get(url).json()["results"] == []
    with account_scope(acme.pk):
        assert not Participant.objects.exists()
    assert api.get(f"{API}/flows/{flow.pk}/statistics/").json()["counts"]["enrolled"] == 0


def test_a_marketer_enrols_and_lets_go_and_does_not_erase(as_role, acme, url, walk):
    marketer = as_role(Role.MARKETER)
    with account_scope(acme.pk):
        contact = make.make_contact()
    assert marketer.post(url, {"records": [contact.pk]}).status_code == 200
    assert marketer.delete(f"{API}/participants/{walk.pk}/").status_code == 403
    assert marketer.post(f"{API}/participants/{walk.pk}/leave/").status_code == 200

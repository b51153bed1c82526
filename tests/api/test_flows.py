"""Flows over the API: the document with its ETag, the verbs, and what stands in their way."""

import pytest

from accounts.models import History
from accounts.rights import Role
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Visibility
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/flows/"


@pytest.fixture
def document(acme):
    """A flow that can be started."""
    with account_scope(acme.pk):
        content, newsletter = make.make_content(), make.make_subscription_type()
    return {
        "name": "Welcome",
        "email": {
            "sender_name": "Acme",
            "sender_address": "news@example.com",
            "reply_address": "reply@example.com",
            "subscription_type": newsletter.pk,
        },
        "triggers": [
            {
                "kind": "schedule",
                "criteria": {"all": []},
                "schedule": {"frequency": "daily", "times": ["09:00"]},
            }
        ],
        "steps": [
            {"kind": "send_email", "settings": {"content": content.pk}},
            {"kind": "wait", "settings": {"amount": 2, "unit": "days"}},
            {"kind": "finish"},
        ],
    }


@pytest.fixture
def flow(api, document):
    answer = api.post(URL, document)
    assert answer.status_code == 201, answer.content
    return answer.json()


def at(flow, verb=""):
    return f"{URL}{flow['id']}/{verb}"


def put(client, flow, body, etag=None, method="put"):
    headers = {} if etag is None else {"If-Match": etag}
    return getattr(client, method)(at(flow), body, headers=headers)


def test_a_new_flow_is_not_running_and_says_where_it_is(api, document):
    answer = api.post(URL, document)
    made = answer.json()
    assert (made["status"], made["object_type"], made["only_once"]) == ("not_running", "contact", True)
    assert answer["ETag"] == f'"{made["revision"]}"'
    assert answer["Location"] == f"http://localhost{at(made)}"
    assert api.get(answer["Location"]).json() == made


def test_the_document_that_was_read_can_be_written_back(api, flow):
    answer = put(api, flow, flow, f'"{flow["revision"]}"')
    assert answer.status_code == 200, answer.content
    assert answer.json() == flow


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_edit_counts_the_revision_up_and_keeps_ids(api, flow, method):
    answer = put(api, flow, {"name": "Hello", "steps": flow["steps"][1:]}, f'"{flow["revision"]}"', method)
    edited = answer.json()
    assert (edited["name"], edited["revision"]) == ("Hello", flow["revision"] + 1)
    assert answer["ETag"] == f'"{edited["revision"]}"'
    assert [step["id"] for step in edited["steps"]] == [step["id"] for step in flow["steps"][1:]]
    assert edited["triggers"] == flow["triggers"]


def test_writing_needs_the_etag(api, flow):
    answer = put(api, flow, {"name": "Hello"})
    assert (answer.status_code, answer.json()["code"]) == (428, "if_match_missing")


@pytest.mark.parametrize("etag", ['"0"', '"999"', "1", '"x"', "", '""', "W/"])
def test_a_stale_etag_is_refused_with_the_revision_as_it_is(api, flow, etag):
    answer = put(api, flow, {"name": "Hello"}, etag)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_revision")
    assert answer.json()["revision"] == flow["revision"]
    assert api.get(at(flow)).json()["name"] == "Welcome"


def test_of_two_edits_of_one_revision_the_second_is_refused(api, flow):
    etag = f'"{flow["revision"]}"'
    assert put(api, flow, {"name": "First"}, etag).status_code == 200
    second = put(api, flow, {"name": "Second"}, etag)
    assert (second.status_code, second.json()["revision"]) == (412, flow["revision"] + 1)


@pytest.mark.parametrize("etag", ["*", 'W/"1"', '"7", "1"'])
def test_an_etag_may_be_written_in_every_way_of_http(api, flow, etag):
    assert flow["revision"] == 1
    assert put(api, flow, {"name": "Hello"}, etag).status_code == 200


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": ""}, "name"),
        ({"nam": "x"}, "nam"),
        ({"object_type": "boat"}, "object_type"),
        ({"steps": [{"kind": "teleport"}]}, "steps.0.kind"),
        ({"steps": {}}, "steps"),
        ({"filter": {"all": [{"property": "nope", "operator": "eq", "value": 1}]}}, "filter.all.0.property"),
        ({"exclusion_lists": [2**70]}, "exclusion_lists.0"),
        ({"triggers": [{"kind": "schedule", "schedule": {"frequency": "hourly"}}]}, "triggers.0.schedule.frequency"),
    ],
)
def test_a_fault_names_its_place_and_nothing_is_changed(api, acme, flow, document, change, path):
    for answer in (api.post(URL, {**document, **change}), put(api, flow, change, '"1"')):
        assert answer.status_code == 422, answer.content
        assert path in {error["path"] for error in answer.json()["errors"]}
    assert api.get(at(flow)).json() == flow
    with account_scope(acme.pk):
        assert Flow.objects.count() == 1


@pytest.mark.parametrize("body", [[], "x", 7])
def test_a_document_that_is_no_object_is_refused(api, flow, body):
    assert api.post(URL, body).status_code == 422
    assert put(api, flow, body, '"1"').status_code == 422


def test_the_verbs_take_a_flow_through_its_life(api, acme, flow):
    for verb, status in [("start", "running"), ("pause", "paused"), ("resume", "running"), ("end", "not_running")]:
        answer = api.post(at(flow, f"{verb}/"))
        assert (answer.status_code, answer.json()["status"]) == (200, status), answer.content
        assert api.get(at(flow)).json()["status"] == status
    with account_scope(acme.pk):
        told = History.objects.filter(subject="flow", subject_id=flow["id"]).order_by("id")
        assert list(told.values_list("verb", flat=True)) == ["created", "start", "pause", "resume", "end"]
        assert {each.by_name for each in told} == {"Key of acme"}


def test_a_verb_at_the_wrong_time_is_refused_with_the_status(api, flow):
    answer = api.post(at(flow, "pause/"))
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")
    assert (answer.json()["status"], answer.json()["current_status"]) == (409, "not_running")


def test_a_flow_with_problems_is_not_started_and_says_why(api, flow):
    put(api, flow, {"steps": [], "triggers": []}, '"1"')
    answer = api.post(at(flow, "start/"))
    assert (answer.status_code, answer.json()["code"]) == (409, "has_problems")
    (problem,) = [each for each in answer.json()["problems"] if each["code"] == "no_steps"]
    assert problem["severity"] == "error"
    told = api.get(at(flow, "problems/")).json()
    assert told["can_start"] is False
    assert problem in told["problems"]
    assert "no_trigger" in {each["code"] for each in told["problems"] if each["severity"] == "warning"}


def test_a_flow_without_problems_can_start(api, flow):
    assert api.get(at(flow, "problems/")).json() == {"can_start": True, "problems": []}


def test_a_running_flow_is_not_edited(api, flow):
    api.post(at(flow, "start/"))
    answer = put(api, flow, {"name": "Hello"}, '"1"')
    assert (answer.status_code, answer.json()["code"]) == (409, "running")


def test_a_step_with_people_on_it_is_not_removed(api, acme, flow):
    with account_scope(acme.pk):
        made = Flow.objects.get(pk=flow["id"])
        Flow.objects.update(status=FlowStatus.PAUSED)
        make.make_participant(made, step=make.steps_of(made, "wait")[0])
    answer = put(api, flow, {"steps": flow["steps"][::2]}, '"1"')
    assert (answer.status_code, answer.json()["code"]) == (409, "people_stand_here")


def test_only_a_flow_that_is_not_running_is_deleted(api, flow):
    api.post(at(flow, "start/"))
    assert api.delete(at(flow)).status_code == 409
    api.post(at(flow, "end/"))
    assert api.delete(at(flow)).status_code == 204
    assert api.get(at(flow)).status_code == 404
    assert api.delete(at(flow)).status_code == 404


def test_a_copy_is_a_flow_of_its_own(api, flow):
    answer = api.post(at(flow, "copy/"))
    made = answer.json()
    assert (answer.status_code, made["status"]) == (201, "not_running")
    assert answer["Location"] == f"http://localhost{at(made)}"
    assert made["id"] != flow["id"]
    assert {step["id"] for step in made["steps"]}.isdisjoint(step["id"] for step in flow["steps"])
    assert [step["kind"] for step in made["steps"]] == [step["kind"] for step in flow["steps"]]
    again = api.post(at(flow, "copy/"), headers={"Idempotency-Key": "k"})
    assert api.post(at(flow, "copy/"), headers={"Idempotency-Key": "k"}).json() == again.json()
    assert again.json()["id"] != made["id"]


def test_a_verb_takes_an_empty_body(api, flow):
    assert api.post(at(flow, "start/"), {"force": True}).json()["errors"][0]["path"] == "force"
    assert api.post(at(flow, "start/"), {}).status_code == 200


def test_a_marketer_turns_flows_on_and_off_and_does_not_end_them(as_role, flow):
    marketer = as_role(Role.MARKETER)
    assert marketer.post(at(flow, "start/")).status_code == 200
    assert marketer.post(at(flow, "pause/")).status_code == 200
    assert marketer.post(at(flow, "end/")).status_code == 403


def test_the_list_of_flows_shows_counts_and_the_coming_run(api, acme, flow):
    api.post(at(flow, "start/"))
    with account_scope(acme.pk):
        make.make_participant(Flow.objects.get(pk=flow["id"]))
        other = make.make_flow(name="Other")
    shown = api.get(URL).json()["results"]
    assert [each["id"] for each in shown] == [other.pk, flow["id"]]
    assert shown[1]["counts"]["enrolled"] == shown[1]["counts"]["active"] == shown[1]["counts"]["queued"] == 1
    assert shown[1]["next_run_at"] is not None
    assert shown[0]["next_run_at"] is None
    assert [each["id"] for each in api.get(f"{URL}?status=running").json()["results"]] == [flow["id"]]
    assert [each["id"] for each in api.get(f"{URL}?search=OTH").json()["results"]] == [other.pk]
    assert api.get(f"{URL}?object_type=company").json()["results"] == []


def test_a_flow_of_its_owner_alone_is_seen_by_admins_only(acme, api, as_role, flow):
    with account_scope(acme.pk):
        Flow.objects.update(visibility=Visibility.OWNER)
    assert api.get(at(flow)).status_code == 200
    marketer = as_role(Role.MARKETER)
    assert marketer.get(at(flow)).status_code == 404
    assert marketer.post(at(flow, "start/")).status_code == 404
    assert marketer.get(at(flow, "participants/")).status_code == 404
    assert marketer.get(URL).json()["results"] == []


def test_only_an_admin_overrides_consent(as_role, document):
    document["email"]["override_consent"] = True
    answer = as_role(Role.FLOW_ADMIN).post(URL, document)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "email.override_consent"


def test_the_statistics_of_a_flow_add_up(api, acme, flow):
    with account_scope(acme.pk):
        made = Flow.objects.get(pk=flow["id"])
        make.make_participant(made, step=make.steps_of(made, "wait")[0])
        make.make_participant(made, status="finished")
        make.make_participant(made)
    told = api.get(at(flow, "statistics/")).json()
    assert told["counts"] == {
        "enrolled": 3,
        "active": 2,
        "queued": 1,
        "finished": 1,
        "finished_with_success": 0,
        "dropped_out": 0,
        "cancelled": 0,
    }
    standing = {each["step"]: each["on"] for each in told["steps"]}
    assert standing == {0: 1, flow["steps"][1]["id"]: 1}
    assert told["ending"] == {"participants": 2, "messages": 0}  # not running, and people are inside


def test_the_log_is_narrowed_by_record_step_outcome_and_period(api, acme, flow):
    from participants.models import StepLog
    from scheduling.clock import now

    with account_scope(acme.pk):
        made = Flow.objects.get(pk=flow["id"])
        one, two = make.make_participant(made), make.make_participant(made)
        moment = now()
        for walk, step, outcome in [(one, 5, "continued"), (two, 6, "dropped_out")]:
            StepLog.objects.create(
                participant_id=walk.pk,
                hop=1,
                flow_id=made.pk,
                step_id=step,
                outcome=outcome,
                reason="no_consent" if outcome == "dropped_out" else "",
                at=moment,
            )

    def found(query):
        return [each["record"] for each in api.get(at(flow, f"log/?{query}")).json()["results"]]

    assert found("") == [two.record_id, one.record_id]
    assert found(f"record={one.record_id}") == [one.record_id]
    assert found("step=6") == [two.record_id]
    assert found("outcome=continued") == [one.record_id]
    assert found("since=2999-01-01T00:00:00Z") == []
    assert found("until=2999-01-01T00:00:00Z") == [two.record_id, one.record_id]
    assert api.get(at(flow, "log/?outcome=dropped_out")).json()["results"][0]["reason_text"]

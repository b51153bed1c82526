"""The operators page and the figures for Prometheus: numbers across accounts for those who run it, nobody else."""

from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Account, User
from accounts.tenancy import account_scope
from flows.models import Flow
from participants.models import Participant
from running import engine_status, heartbeat, tasks
from scheduling import clock
from tests.make import make_contacts, make_flow, make_participant
from tests.web.conftest import Browsers, make_person

POLL = {"hx-request": "true"}


@pytest.fixture
def operator(db: None) -> Client:
    """Somebody who runs the installation and is in no account."""
    client, person = Client(), make_person("operator@example.com")
    call_command("make_operator", "Operator@example.com")
    client.force_login(User.objects.get(pk=person.pk))
    return client


@pytest.fixture
def flows(acme: Account, globex: Account) -> list[Flow]:
    """A flow in each account, with three who are due for an hour and one for two."""
    made = []
    for account, people, hours in ((acme, 3, 1), (globex, 1, 2)):
        with account_scope(account.pk):
            flow = make_flow(["wait 1 day"], status="running", name="Very secret")
            for person in make_contacts(people):
                make_participant(flow, person, due_at=clock.now() - timedelta(hours=hours))
            made.append(flow)
    return made


def figures(client: Client, **headers: str) -> dict[tuple[str, ...], float]:
    """What a scrape reads: (name, label values...) -> value."""
    answer = client.get("/metrics", headers={"host": "10.0.0.7:8000", **headers})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_an_operator_sees_what_is_due_everywhere_and_nothing_personal(operator: Client, flows: list[Flow]) -> None:
    heartbeat.engine()
    answer = operator.get("/operators/")
    page = answer.content.decode()
    assert answer.status_code == 200 and "data-polls" in page and "<html" in page
    assert [(each.account, each.flow, each.due) for each in answer.context["status"].flows] == [
        ("globex", flows[1].pk, 1),
        ("acme", flows[0].pk, 3),
    ]
    assert ">acme<" in page and "No sign of life" in page and "Alive" in page
    assert "Very secret" not in page and "example.com" not in page.replace("operator@example.com", "")
    part = operator.get("/operators/", headers=POLL).content.decode()
    assert "<html" not in part and ">acme<" in part


def test_a_stuck_flow_stands_at_the_top_of_the_page(operator: Client, flows: list[Flow]) -> None:
    assert "nobody has looked" in operator.get("/operators/").content.decode()
    for _ in range(8):
        tasks.look_for_stuck_flows()
        clock.forward(timedelta(minutes=1))
    page = operator.get("/operators/").content.decode()
    assert "2 flows stand still" in page


def test_what_is_not_shown_counts_and_the_page_says_how_much_it_leaves_out(
    operator: Client, flows: list[Flow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_status, "SHOWN", 1)
    monkeypatch.setattr(engine_status, "MOST_COUNTED", 3)
    answer = operator.get("/operators/")
    page = answer.content.decode()
    assert answer.context["status"].due == 4
    assert '<span class="stat-figure">4+</span>' in page and "in 2 flows" in page and page.count("and 1 more") == 2


def test_a_quiet_installation_says_so(operator: Client) -> None:
    assert "Nobody is due" in operator.get("/operators/").content.decode()


def test_nobody_else_learns_that_there_is_such_a_page(
    operator: Client, nobody: Client, acme: Account, browser_of: Browsers
) -> None:
    owner = browser_of(acme)
    assert owner.get("/operators/").status_code == 404
    assert owner.get("/operators/", headers=POLL).status_code == 404
    assert nobody.get("/operators/")["Location"].startswith("/login/")
    assert operator.post("/operators/").status_code == 405
    assert operator.get("/acme/flows/").status_code == 404, "an operator is in no account by that"
    call_command("make_operator", "operator@example.com", "--off")
    assert operator.get("/operators/").status_code == 404
    with pytest.raises(CommandError, match="Nobody logs in"):
        call_command("make_operator", "unknown@example.com")


def test_the_page_asks_as_often_for_many_flows_as_for_few(operator: Client, acme: Account, flows: list[Flow]) -> None:
    asked = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            operator.get("/operators/", headers=POLL)
        asked.append(len(queries))
        with account_scope(acme.pk):
            for person in make_contacts(5):
                make_participant(make_flow(["wait 1 day"], status="running"), person)
    assert asked[0] == asked[1]


def test_the_figures_are_those_of_the_engine(nobody: Client, acme: Account, globex: Account, flows: list[Flow]) -> None:
    heartbeat.delivery()
    found = figures(nobody)
    assert found["flyt_due_flows",] == 2
    assert found["flyt_due_participants", str(acme.pk), str(flows[0].pk)] == 3
    assert 7200 <= found["flyt_due_oldest_age_seconds",] < 7300
    assert 3600 <= found["flyt_flow_due_oldest_age_seconds", str(acme.pk), str(flows[0].pk)] < 3700
    assert found["flyt_waiting", "pending_events"] == found["flyt_waiting", "failing"] == 0
    assert (found["flyt_worker_alive", "delivery"], found["flyt_worker_alive", "engine"]) == (1, 0)
    assert {found["flyt_worker_alive", queue] for queue in heartbeat.QUEUES if queue != "delivery"} == {0}
    assert ("flyt_queue_hints", "engine") in found and found["flyt_redis_up",] == 1
    assert ("flyt_stuck_flows",) not in found and found["flyt_stuck_looked_timestamp_seconds",] == 0
    assert found["flyt_due_people",] == 4
    assert {"flyt_steps_total", "flyt_messages_total", "flyt_events_total"} <= {key[0] for key in found}
    tasks.look_for_stuck_flows()
    found = figures(nobody)
    assert found["flyt_stuck_flows",] == 0
    assert abs(found["flyt_stuck_looked_timestamp_seconds",] - clock.now().timestamp()) < 20


@pytest.mark.parametrize("away", ["cache", "broker"])
def test_an_alert_has_something_to_fire_on_while_redis_is_away(  # type: ignore[no-untyped-def]
    nobody: Client, settings, monkeypatch: pytest.MonkeyPatch, flows: list[Flow], away: str
) -> None:
    if away == "cache":
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    else:
        monkeypatch.setattr(current_app.conf, "broker_read_url", "redis://127.0.0.1:1/0")
    found = figures(nobody)
    assert found["flyt_redis_up",] == 0 and found["flyt_stuck_looked_timestamp_seconds",] == 0


def test_labels_are_few_and_are_ids(nobody: Client, acme: Account, flows: list[Flow]) -> None:
    with account_scope(acme.pk):
        for person in make_contacts(30):
            make_participant(make_flow(["wait 1 day"], status="running"), person)
        addresses = {each.record.properties["email"] for each in Participant.objects.select_related("record")}
    text = nobody.get("/metrics").content.decode()
    labels = [each for each in figures(nobody) if each[0] == "flyt_due_participants"]
    assert len(labels) == 20 and all(part.isdecimal() for each in labels for part in each[1:])
    assert not any(address in text for address in addresses) and "acme" not in text and "secret" not in text


@pytest.mark.parametrize(
    ("token", "headers", "address", "status"),
    [
        ("", {}, "127.0.0.1", 200),
        ("", {}, "::1", 200),
        ("", {}, "10.0.0.9", 404),
        ("", {"X-Forwarded-For": "203.0.113.9"}, "127.0.0.1", 404),
        ("", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", 404),
        ("", {}, "", 404),
        ("a-long-token", {}, "127.0.0.1", 404),
        ("a-long-token", {"Authorization": "Bearer a-long-tokem"}, "127.0.0.1", 404),
        ("a-long-token", {"Authorization": "Bearer é"}, "127.0.0.1", 404),
        ("a-long-token", {"Authorization": "Bearer a-long-token"}, "10.0.0.9", 200),
    ],
)
def test_who_may_read_the_figures(  # type: ignore[no-untyped-def]
    nobody: Client, settings, token: str, headers: dict[str, str], address: str, status: int
) -> None:
    settings.METRICS_TOKEN = token
    assert nobody.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


def test_without_redis_the_figures_of_the_database_stay(nobody: Client, settings, flows: list[Flow]) -> None:  # type: ignore[no-untyped-def]
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    found = figures(nobody)
    assert found["flyt_due_flows",] == 2 and not [each for each in found if each[0] == "flyt_worker_alive"]

"""Deleting a flow: gone at once for everybody; its rows are cleared away in chunks, whichever worker is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from time import monotonic, sleep

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Account, History
from accounts.rights import Role
from accounts.sign_in import make_key
from accounts.tenancy import account_scope
from devstack.places import ROOT
from flows.models import Flow, Folder, Step
from messaging.models import Content, Message
from participants.models import Counter, Participant, StepLog, Tally
from running import deletion, verbs
from running.tasks import purge_flow
from tests.make import make_contact, make_contacts, make_content, make_flow, make_list, make_participant, make_schedule
from tests.web.conftest import make_member
from triggers.models import Occurrence, Trigger

OF_THE_FLOW = (Participant, StepLog, Tally, Counter, Trigger, Occurrence)


def walked(people: int, **fields: object) -> Flow:
    """A flow that has ended, with so many finished walks, each with two moves and a message that never left."""
    flow = make_flow(["send_email"], schedule={"frequency": "daily"}, **fields)
    content = make_content()
    for person in make_contacts(people):
        walk = make_participant(flow, person, status="cancelled", hop=2)
        for hop in (0, 1):
            StepLog.objects.create(
                participant_id=walk.pk, hop=hop, flow_id=flow.pk, step_id=0, outcome="continued", at=walk.enrolled_at
            )
        Message.objects.create(
            outbox=flow.outbox,
            origin_key=f"participant:{walk.pk}:1",
            record=person,
            content=content,
            status="cancelled",
        )
    return flow


def left_of(flow: Flow) -> dict[str, int]:
    """How many rows there are of a flow, by model."""
    found = {model.__name__: model.objects.filter(flow_id=flow.pk).count() for model in OF_THE_FLOW}
    found["Message"] = Message.objects.filter(outbox_id=flow.outbox_id, sent_at=None).count()
    return {name: n for name, n in found.items() if n}


def purge_all(flow: Flow) -> int:
    """Clear away to the end; returns how many transactions it took."""
    turns = 1
    while deletion.purge(flow.account_id, flow.pk):
        turns += 1
        assert turns < 1000
    return turns


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of five."""
    monkeypatch.setattr(deletion, "CHUNK", 5)


@pytest.mark.django_db
def test_a_deleted_flow_is_nowhere_before_its_rows_are_gone(in_acme: Account, owner: Actor) -> None:
    folder = Folder.objects.create(name="Spring")
    flow = walked(3, name="Goodbye", folder=folder)
    person = Participant.objects.filter(flow=flow).first()
    browser, key = Client(), make_key("Shop", Role.OWNER)[1]
    browser.force_login(make_member(in_acme))
    client = Client(headers={"authorization": f"Bearer {key}"})
    pages = [f"/acme/flows/{flow.pk}/{part}" for part in ("", "log/", "participants/", "edit/", "delete/", "runs/")]
    addresses = [f"flows/{flow.pk}/{part}" for part in ("", "log/", "statistics/", "participants/", "problems/")]
    assert [browser.get(page).status_code for page in pages[:3]] == [200] * 3
    for page in ("flows/", "search/?q=Goodby", f"records/{person.record_id}/"):
        assert "Goodbye" in browser.get(f"/acme/{page}").content.decode(), page
    verbs.delete(in_acme.pk, flow.pk, by=owner)
    assert left_of(flow)["Participant"] == 3, "the people's rows are still there"
    assert [browser.get(page).status_code for page in pages] == [404] * len(pages)
    assert [client.get(f"/api/v1/{each}").status_code for each in addresses] == [404] * len(addresses)
    assert client.get(f"/api/v1/participants/{person.pk}/").status_code == 404
    assert client.post(f"/api/v1/flows/{flow.pk}/start/", {}, "application/json").status_code == 404
    for page in ("flows/", f"records/{person.record_id}/", "search/?q=Goodby", "contents/"):
        assert "Goodbye" not in browser.get(f"/acme/{page}").content.decode(), page
    assert client.get("/api/v1/flows/").json()["results"] == []
    assert not Step.objects.filter(flow=flow).exists() and not Content.objects.filter(flow_id=flow.pk).exists()
    folder.delete()
    make_flow(name="Goodbye")
    with pytest.raises(Flow.DoesNotExist):
        verbs.delete(in_acme.pk, flow.pk, by=owner)
    assert History.objects.filter(subject="flow", subject_id=flow.pk, verb="delete").count() == 1


@pytest.mark.django_db
def test_a_delete_asks_the_database_as_often_for_many_people_as_for_none(in_acme: Account, owner: Actor) -> None:
    asked = []
    for people in (0, 20):
        flow = walked(people)
        with CaptureQueriesContext(connection) as queries:
            verbs.delete(in_acme.pk, flow.pk, by=owner)
        asked.append([query["sql"].split(" where ")[0] for query in queries if query["sql"].startswith("delete")])
    assert asked[0] == asked[1]
    assert not [sql for sql in asked[1] if "participants_" in sql]


@pytest.mark.django_db
def test_rows_are_cleared_away_chunk_by_chunk_and_others_stay(in_acme: Account, owner: Actor, small: None) -> None:
    flow, kept = walked(12), walked(4)
    chosen = make_list("Chosen", [make_contact()])
    leaving = Message.objects.filter(outbox=flow.outbox).first()
    Message.objects.filter(pk=leaving.pk).update(status="sent", sent_at=leaving.created_at)
    verbs.delete(in_acme.pk, flow.pk, by=owner)
    before = left_of(kept)
    assert deletion.to_purge(10) == [(in_acme.pk, flow.pk)]
    assert deletion.purge(in_acme.pk, flow.pk)
    assert left_of(flow)["Participant"] == 7 and left_of(flow)["StepLog"] == 14 and left_of(flow)["Message"] == 7
    assert purge_all(flow) > 3
    assert left_of(flow) == {} and deletion.to_purge(10) == []
    assert left_of(kept) == before and chosen.entries.count() == 1
    assert Message.objects.filter(pk=leaving.pk, status="sent").exists(), "what has left stays with its record"
    assert not deletion.purge(in_acme.pk, flow.pk)


@pytest.mark.django_db
def test_a_run_of_a_deleted_flow_goes_with_it(in_acme: Account, owner: Actor) -> None:
    flow = make_flow()
    make_schedule(flow, {"frequency": "daily"})
    activation = flow.activations.create(started_at=flow.created_at, ended_at=flow.created_at)
    Occurrence.objects.create(
        schedule_id=Trigger.objects.get(flow=flow).schedule.pk,
        flow=flow,
        activation=activation,
        scheduled_for=flow.created_at,
        time_zone="UTC",
        criteria={"all": []},
        status="done",
    )
    verbs.delete(in_acme.pk, flow.pk, by=owner)
    purge_flow(in_acme.pk, flow.pk)
    assert left_of(flow) == {} and not flow.activations.exists()


@pytest.mark.django_db
def test_a_flow_that_was_not_deleted_is_not_cleared_away(in_acme: Account, globex: Account, owner: Actor) -> None:
    flow = walked(2)
    assert not deletion.purge(in_acme.pk, flow.pk)
    verbs.delete(in_acme.pk, flow.pk, by=owner)
    assert not deletion.purge(globex.pk, flow.pk), "in another account there is no such flow"
    assert left_of(flow)["Participant"] == 2


WORKER = """
import django
django.setup()
from running import deletion
deletion.CHUNK = 5
while deletion.purge({account}, {flow}):
    print("a chunk", flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_clears_away_leaves_the_rest_to_the_next(start: Callable[..., Account]) -> None:
    acme = start()
    with account_scope(acme.pk):
        flow = walked(120)
    verbs.delete(acme.pk, flow.pk, by=Actor.flyt(acme.pk))
    database = settings.DATABASES["default"]
    environment = dict(os.environ)
    environment["DATABASE_URL"] = environment["DATABASE_URL"].rsplit("/", 1)[0] + "/" + str(database["NAME"])
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    killed = 0
    for _ in range(3):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER.format(account=acme.pk, flow=flow.pk)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
        )
        assert worker.stdout and worker.stdout.readline() == b"a chunk\n"
        worker.send_signal(signal.SIGKILL)
        killed += worker.wait() == -signal.SIGKILL
    assert killed == 3
    with account_scope(acme.pk):
        assert 0 < left_of(flow)["Participant"] < 120
    until = monotonic() + 10
    while deletion.purge(acme.pk, flow.pk) or left_after(acme, flow):
        assert monotonic() < until, "a dead worker's lock goes with its connection"
        sleep(0.01)
    with account_scope(acme.pk):
        assert left_of(flow) == {}


def left_after(account: Account, flow: Flow) -> bool:
    """Whether the flow's row is still there; the database may need a moment to see that a worker is dead."""
    return (account.pk, flow.pk) in deletion.to_purge(10)


@pytest.fixture
def start() -> Callable[..., Account]:
    """Makes the account of a test that commits."""
    from tests.triggers.stage import make_account

    return lambda: make_account("Acme")

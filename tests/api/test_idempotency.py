"""The same request with the same Idempotency-Key acts once and gets the same answer again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import IdempotencyKey
from accounts.tenancy import account_scope
from flows.models import Flow
from records.models import List
from scheduling import clock
from tests import make

from .conftest import API, client_of

LISTS, FLOWS = f"{API}/lists/", f"{API}/flows/"


def post(client, url, body, key="one"):
    return client.post(url, body, headers={"Idempotency-Key": key})


@pytest.mark.django_db
@pytest.mark.parametrize("url", [LISTS, FLOWS])
def test_the_same_request_acts_once_and_is_answered_again(api, acme, url):
    first, again = post(api, url, {"name": "VIP"}), post(api, url, {"name": "VIP"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert (again.get("ETag"), again.get("Location")) == (first.get("ETag"), first.get("Location"))
    with account_scope(acme.pk):
        assert List.objects.count() + Flow.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("url", [LISTS, FLOWS])
def test_a_key_belongs_to_its_request(api, url):
    post(api, url, {"name": "VIP"})
    for other in (post(api, url, {"name": "Other"}), post(api, f"{API}/contents/", {"name": "VIP"})):
        assert other.status_code == 422
        assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.django_db
@pytest.mark.parametrize("url", [LISTS, FLOWS])
def test_a_refused_request_leaves_its_key_free(api, url):
    assert post(api, url, {"name": ""}).status_code == 422
    assert post(api, url, {"name": "VIP"}).status_code == 201


@pytest.mark.django_db
def test_two_accounts_may_use_the_same_key(api, stranger):
    assert post(api, LISTS, {"name": "VIP"}).status_code == 201
    answer = post(stranger, LISTS, {"name": "VIP"})
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a" * 201, "naïve", "tab\there"])
def test_a_key_that_is_none_is_refused(api, key):
    answer = post(api, LISTS, {"name": "VIP"}, key=key)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_idempotency_key"


@pytest.mark.django_db
def test_without_a_key_every_request_acts(api):
    assert api.post(FLOWS, {"name": "VIP"}).status_code == 201
    assert api.post(FLOWS, {"name": "VIP"}).status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("url", [LISTS, FLOWS])
def test_a_reservation_counts_as_abandoned_after_a_minute(api, acme, url):
    post(api, url, {"name": "VIP"})
    with account_scope(acme.pk):  # as a worker leaves it that is lost before it has answered
        List.objects.all().delete()
        IdempotencyKey.objects.update(status=None, body=None, created_at=Now() - timedelta(seconds=50))
    answer = post(api, url, {"name": "VIP"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "request_in_progress"
    with account_scope(acme.pk):
        IdempotencyKey.objects.update(created_at=Now() - timedelta(seconds=61))
    assert post(api, url, {"name": "VIP"}).status_code == 201


@pytest.mark.django_db
def test_the_test_clock_frees_no_reservation(api, acme):
    post(api, FLOWS, {"name": "VIP"})
    with account_scope(acme.pk):
        IdempotencyKey.objects.update(status=None, body=None, created_at=Now())
    clock.forward(timedelta(days=1))
    try:
        assert post(api, FLOWS, {"name": "VIP"}).status_code == 409
    finally:
        clock.reset()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", [LISTS, FLOWS])
def test_two_requests_at_once_act_once(acme, url):
    clients, start = [client_of(acme), client_of(acme)], Barrier(2)

    def ask(client):
        try:
            start.wait()
            return post(client, url, {"name": "VIP"})
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, clients))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses in ([201, 201], [201, 409])
    if statuses == [201, 409]:
        assert [a.json()["code"] for a in answers if a.status_code == 409] == ["request_in_progress"]
    else:
        assert answers[0].json() == answers[1].json()
    with account_scope(acme.pk):
        assert List.objects.count() + Flow.objects.count() == 1
    assert post(clients[0], url, {"name": "VIP"})["Idempotency-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_a_request_is_refused_while_the_first_is_still_at_work(acme):
    """The first one's transaction holds the key: the second neither waits for it nor acts."""
    client = client_of(acme)
    with account_scope(acme.pk):
        contact = make.make_object_type()
    arrived, release, answers = Barrier(2), Barrier(2), []

    def at_work():
        from api import idempotency

        try:
            with account_scope(acme.pk):
                idempotency._take(acme.pk, "one", "mark of the first")
                List.objects.create(name="VIP", object_type=contact)
                arrived.wait()
                release.wait()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(at_work)
        arrived.wait()
        answers.append(post(client, LISTS, {"name": "Other"}))
        release.wait()
        first.result()
    assert answers[0].status_code == 409
    assert answers[0].json()["code"] == "request_in_progress"

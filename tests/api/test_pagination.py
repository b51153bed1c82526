"""Pages by cursor: each row once, however many come and go, and in a constant number of queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tenancy import account_scope
from participants.models import Participant, StepLog
from scheduling.clock import now
from tests import make

from .conftest import API

pytestmark = pytest.mark.django_db
URL = f"{API}/records/"


@pytest.fixture
def contacts(acme):
    with account_scope(acme.pk):
        return [each.pk for each in make.make_contacts(7)]


def walk(client, url):
    """The pages from `url` on."""
    pages = []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        pages.append(answer.json()["results"])
        url = answer.json()["next"]
    return pages


def ids(pages):
    return [each["id"] for page in pages for each in page]


def test_the_pages_hold_every_row_once(api, contacts):
    pages = walk(api, f"{URL}?limit=3")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert ids(pages) == contacts


def test_a_full_last_page_has_no_next(api, contacts):
    assert [len(page) for page in walk(api, f"{URL}?limit=7")] == [7]


def test_filters_hold_on_the_next_page_too(api, acme, contacts):
    with account_scope(acme.pk):
        make.make_record("company")
    assert ids(walk(api, f"{URL}?limit=2&object_type=contact")) == contacts


def test_what_is_added_or_removed_in_between_moves_nothing(api, acme, contacts):
    first = api.get(f"{URL}?limit=3").json()
    with account_scope(acme.pk):
        make.make_contacts(1)
    api.delete(f"{URL}{contacts[0]}/")
    assert [each["id"] for each in api.get(first["next"]).json()["results"]] == contacts[3:6]


def test_the_newest_first_where_that_is_asked(api, acme):
    with account_scope(acme.pk):
        made = [make.make_content(name=str(n)).pk for n in range(5)]
    assert ids(walk(api, f"{API}/contents/?limit=2")) == made[::-1]


def test_rows_of_the_same_moment_are_told_apart(api, acme):
    with account_scope(acme.pk):
        flow = make.make_flow()
        walks = [make.make_participant(flow) for _ in range(3)]
        moment = now()
        StepLog.objects.bulk_create(
            StepLog(
                participant_id=each.pk,
                hop=hop,
                flow_id=flow.pk,
                step_id=1,
                outcome="continued",
                at=moment - timedelta(seconds=hop % 2),
            )
            for each in walks
            for hop in range(3)
        )
    pages = walk(api, f"{API}/flows/{flow.pk}/log/?limit=2")
    shown = [(each["at"], each["participant"], each["hop"]) for page in pages for each in page]
    assert len(shown) == len(set(shown)) == 9
    assert shown == sorted(shown, reverse=True)
    assert {each["record"] for page in pages for each in page} == {each.record_id for each in walks}


@pytest.mark.parametrize("limit", ["0", "-1", "201", "ten", "1.5", ""])
def test_a_limit_that_is_none_is_refused(api, limit):
    answer = api.get(f"{URL}?limit={limit}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "?limit"


@pytest.mark.parametrize("cursor", ["x", "MQ==", "WzFd:forged", "%00", "é", "a" * 401])
def test_a_cursor_that_is_none_is_refused(api, cursor):
    answer = api.get(f"{URL}?cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "?cursor"


def test_a_cursor_of_another_list_is_refused(api, acme, contacts):
    cursor = api.get(f"{URL}?limit=1").json()["next"].partition("cursor=")[2]
    with account_scope(acme.pk):
        flow = make.make_flow()
    assert api.get(f"{API}/flows/{flow.pk}/log/?cursor={cursor}").status_code == 422


def populate(n):
    """`n` more of what lists show."""
    for _ in range(n):
        record = make.make_contact()
        make.make_list(records=[record])
        flow = make.make_flow(schedule={"frequency": "daily"})
        participant: Participant = make.make_participant(flow, record)
        StepLog.objects.create(
            participant_id=participant.pk, hop=1, flow_id=flow.pk, step_id=1, outcome="continued", at=now()
        )


LISTS = [
    "records/",
    "lists/",
    "contents/",
    "flows/",
    "properties/",
    "object-types/",
    "messages/",
    "subscription-types/",
]


@pytest.mark.parametrize("path", LISTS)
def test_a_page_takes_the_same_number_of_queries_however_long_it_is(api, acme, path):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert api.get(f"{API}/{path}").status_code == 200
        return len(captured)

    with account_scope(acme.pk):
        populate(1)
    queries()
    few = queries()
    with account_scope(acme.pk):
        populate(5)
    assert queries() == few


def test_the_pages_about_a_flow_take_the_same_number_of_queries_however_many_walk(api, acme):
    with account_scope(acme.pk):
        flow = make.make_flow(schedule={"frequency": "daily"})

    def queries(path):
        with CaptureQueriesContext(connection) as captured:
            assert api.get(f"{API}/flows/{flow.pk}/{path}").status_code == 200
        return len(captured)

    def walks(n):
        with account_scope(acme.pk):
            for _ in range(n):
                walk = make.make_participant(flow)
                StepLog.objects.create(
                    participant_id=walk.pk, hop=1, flow_id=flow.pk, step_id=1, outcome="continued", at=now()
                )

    paths = ["participants/", "log/", "statistics/", "occurrences/", "problems/", "preview/"]
    walks(1)
    api.get(URL)
    few = {path: queries(path) for path in paths}
    walks(6)
    assert {path: queries(path) for path in paths} == few

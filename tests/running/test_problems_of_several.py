"""The problems of many flows at once: each flow's own, in a number of queries that does not grow."""

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from flows.models import Flow, FlowStatus
from messaging.models import Content
from records.models import List
from running.problems import problems, problems_of
from tests import make

IN_NORWAY = {"property": "country", "operator": "eq", "value": "NO"}
DAILY = {"frequency": "daily"}
EVERYTHING: list[Any] = [
    "send_email",
    "wait 1 days",
    "add_to_list",
    {"update_record": {"country": "SE"}},
    {"split": [(IN_NORWAY, ["send_email"])], "everyone_else": ["add_to_list"]},
]


def read() -> list[Flow]:
    """Every flow of the account, with what its problems need."""
    return list(Flow.objects.select_related("outbox", "object_type").order_by("pk"))


def test_flows_have_the_same_problems_together_as_alone(in_acme: Account) -> None:
    make.make_property("country")
    make.make_flow(EVERYTHING, schedule=DAILY, criteria=IN_NORWAY)
    make.make_flow([])
    make.make_flow(["send_email"], email=False, filter={"property": "gone", "operator": "eq", "value": "x"})
    company = make.make_object_type("company")
    make.make_flow([{"kind": "wait", "settings": {}}], object_type=company, filter=IN_NORWAY)
    ending = make.make_flow(["wait 1 days"], schedule=DAILY)
    make.make_participant(ending)
    twice = make.make_flow(["wait 1 days"], schedule=DAILY, status=FlowStatus.RUNNING)
    make.make_schedule(twice, DAILY)
    Content.objects.filter(flow_id=None).update(subject="")
    together = problems_of(read())
    assert together == {flow.pk: problems(flow) for flow in read()}
    assert sorted(len(found) for found in together.values())[-1] > 2
    assert [problem.code for problem in together[ending.pk]] == ["still_ending"]


def test_a_content_or_list_that_one_flow_lacks_is_not_lent_by_another(in_acme: Account) -> None:
    own = make.make_list()
    whole = make.make_flow([{"add_to_list": own}], schedule=DAILY)
    gone = make.make_list()
    lacking = make.make_flow([{"add_to_list": gone}], schedule=DAILY)
    List.objects.filter(pk=gone.pk).delete()
    found = problems_of(read())
    assert (found[whole.pk], [problem.code for problem in found[lacking.pk]]) == ([], ["list_is_gone"])


def test_the_number_of_queries_does_not_grow_with_the_flows(in_acme: Account) -> None:
    used = []
    for more in (1, 9):
        for _ in range(more):
            make.make_flow(EVERYTHING, schedule=DAILY, criteria=IN_NORWAY)
        flows = read()
        with CaptureQueriesContext(connection) as queries:
            problems_of(flows)
        used.append(len(queries))
    assert used[0] == used[1] <= 10


def test_no_flows_have_no_problems(in_acme: Account) -> None:
    assert problems_of([]) == {}

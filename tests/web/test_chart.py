"""A flow drawn as a chart."""

from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from flows.models import Flow, FlowStatus
from flows.path import Path
from participants import statistics
from running.problems import problems
from scheduling.clock import now
from tests.make import EVERY_RECORD, make_content, make_flow, make_list, make_participant, steps_of
from web.chart import Chart, chart_of, every_card


def draw(flow: Flow, *, counted: bool = True) -> Chart:
    """The chart as a page makes it."""
    return chart_of(flow, Path.of(flow), problems(flow), statistics.standing(flow.pk) if counted else None)


def html(chart: Chart, **extra: object) -> str:
    """The chart as a page shows it."""
    return render_to_string("components/_chart.html", {"chart": chart, "present": now(), **extra})


def test_cards_follow_the_path_into_each_branch(in_acme: Account) -> None:
    flow = make_flow(["wait 2 days", {"split": [(EVERY_RECORD, ["wait 1 hours"])]}, {"add_to_list": make_list("Fans")}])
    chart = draw(flow)
    assert [card.title for card in every_card(chart.cards)] == [
        "2 days",
        "2 branches",
        "1 hour",
        "Fans",
        "The flow ends here",
    ]
    assert [lane.name for lane in chart.cards[1].lanes] == ["Branch 1", "Everyone else"]
    assert chart.cards[1].inside == 1


def test_people_are_counted_on_their_step_and_in_their_branch(in_acme: Account) -> None:
    flow = make_flow([{"split": [(EVERY_RECORD, ["wait 1 hours"])]}], status=FlowStatus.PAUSED)
    make_participant(flow, step=steps_of(flow, "wait")[0])
    make_participant(flow)
    chart = draw(flow)
    assert (chart.queued, chart.cards[0].here, chart.cards[0].lanes[0].here) == (1, 0, 1)
    drawn = html(chart)
    assert 'class="step-here">1<' in drawn and "<b>1</b> in the queue" in drawn
    assert 'class="step-here">' not in html(draw(flow, counted=False))


def test_an_everyone_else_that_leaves_the_flow_says_so(in_acme: Account) -> None:
    flow = make_flow([{"split": [(EVERY_RECORD, [])], "settings": {"exit": True}}, {"split": [(EVERY_RECORD, [])]}])
    chart = draw(flow)
    assert [lane.exits for card in chart.cards for lane in card.lanes] == [False, True, False, False]
    assert html(chart).count('class="branch-exit"') == 1


def test_a_problem_stands_on_the_card_of_its_step_or_trigger(in_acme: Account) -> None:
    flow = make_flow(["wait 2 days", {"kind": "wait", "settings": {}}])
    chart = draw(flow)
    assert [len(card.problems) for card in chart.cards] == [0, 1, 0]
    assert [problem.code for problem in chart.triggers[0].problems] == ["no_trigger"]
    assert "Say how long to wait." in html(chart)


def test_the_trigger_says_when_it_runs(in_acme: Account) -> None:
    flow = make_flow(["wait 2 days"], schedule={"frequency": "daily"}, status=FlowStatus.RUNNING)
    card = draw(flow).triggers[0]
    assert card.title == "Every day at 09:00, Europe/Oslo" and card.next_run_at is not None


def test_a_name_that_looks_like_markup_stays_text(in_acme: Account) -> None:
    flow = make_flow([{"kind": "wait", "settings": {"amount": 1, "unit": "days"}, "name": "<b>Bold</b>"}])
    assert "&lt;b&gt;Bold" in html(draw(flow))


def test_a_long_flow_takes_as_many_queries_as_a_short_one(in_acme: Account) -> None:
    def queries(times: int) -> int:
        steps = [
            step
            for number in range(times)
            for step in (
                {"send_email": make_content(f"Letter {number}")},
                {"add_to_list": make_list()},
                {"update_record": {"city": "Oslo"}},
                {"split": [(EVERY_RECORD, ["wait 1 days"])]},
            )
        ]
        flow = make_flow(steps)
        path = Path.of(flow)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            chart_of(flow, path, [])
        return len(asked)

    assert queries(1) == queries(5) == 4

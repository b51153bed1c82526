"""The clock against the real database: its own time, moved by one offset for every process."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from scheduling import clock
from scheduling.models import ClockOffset
from tests.scheduling.schedules import utc

pytestmark = pytest.mark.django_db
committing = pytest.mark.django_db(transaction=True)
MOMENT = utc("2027-01-31T14:59")


@pytest.fixture(autouse=True)
def test_clock(settings: Settings) -> Settings:
    settings.TEST_CLOCK = True
    return settings


def database_time(function: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(f"select {function}()")
        (moment,) = cursor.fetchone()
    return moment


def run(*words: str) -> datetime:
    """What `manage.py clock` prints."""
    printed = StringIO()
    call_command("clock", *words, stdout=printed)
    return datetime.fromisoformat(printed.getvalue().strip())


def elsewhere() -> datetime:
    """The time that another connection sees."""

    def look() -> datetime:
        try:
            return clock.now()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(look).result()


def test_now_is_the_databases_time_in_utc(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        moment = clock.now()
    assert moment == database_time("now")
    assert moment.tzinfo is UTC


def test_a_transaction_sees_one_time() -> None:
    moment = clock.now()
    assert database_time("clock_timestamp") > moment
    assert clock.now() == moment


@committing
def test_outside_a_transaction_the_clock_runs() -> None:
    assert clock.now() < clock.now()


def test_the_clock_moves_to_a_moment_at_once() -> None:
    clock.move_to(MOMENT)
    assert clock.now() == MOMENT
    clock.move_to(MOMENT - timedelta(days=9000))
    assert clock.now() == MOMENT - timedelta(days=9000)


def test_a_moment_of_any_zone_is_the_same_moment() -> None:
    clock.move_to(datetime.fromisoformat("2027-01-31T15:59:00+01:00"))
    assert clock.now() == MOMENT


def test_steps_forward_add_up() -> None:
    clock.move_to(MOMENT)
    clock.forward(timedelta(days=2, hours=3))
    clock.forward(timedelta(microseconds=1))
    assert clock.now() == MOMENT + timedelta(days=2, hours=3, microseconds=1)


def test_reset_returns_to_the_databases_time() -> None:
    clock.move_to(MOMENT)
    clock.reset()
    assert clock.now() == database_time("now")


@committing
def test_every_connection_sees_the_move() -> None:
    clock.move_to(MOMENT)
    assert MOMENT <= clock.now() < MOMENT + timedelta(minutes=1)
    assert MOMENT <= elsewhere() < MOMENT + timedelta(minutes=1)


@committing
def test_a_move_that_is_rolled_back_never_was() -> None:
    before = clock.now()
    with pytest.raises(RuntimeError), transaction.atomic():
        clock.move_to(MOMENT)
        raise RuntimeError
    assert before < clock.now() < before + timedelta(minutes=1)


def test_in_production_the_offset_is_not_even_read(settings: Settings) -> None:
    clock.move_to(MOMENT)
    settings.TEST_CLOCK = False
    with CaptureQueriesContext(connection) as queries:
        assert clock.now() == database_time("now")
    assert not any("clockoffset" in query["sql"] for query in queries)


def test_in_production_the_clock_cannot_be_moved(settings: Settings) -> None:
    settings.TEST_CLOCK = False
    for move in (lambda: clock.move_to(MOMENT), lambda: clock.forward(timedelta(1)), clock.reset):
        with pytest.raises(clock.ClockIsReal, match="TEST_CLOCK=1"):
            move()
    assert not ClockOffset.objects.exists()


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.move_to(datetime(2027, 1, 31))  # noqa: DTZ001


def test_there_is_one_offset() -> None:
    clock.move_to(MOMENT)
    with pytest.raises(IntegrityError, match="scheduling_one_clock_offset"):
        ClockOffset.objects.create(id=2, offset=timedelta(1))


def test_the_command_moves_and_shows_the_clock() -> None:
    assert run("2027-01-31T14:59:00Z") == MOMENT
    assert run("+2d3h") == MOMENT + timedelta(days=2, hours=3)
    assert run("+1w30m5s") == MOMENT + timedelta(days=9, hours=3, minutes=30, seconds=5)
    assert run("show") == run() == clock.now()
    assert run("reset") == database_time("now").replace(microsecond=0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("tomorrow", '"tomorrow" is no moment and no step. Write one of: 2027-01-31T14:59:00Z, +2d3h'),
        ("+", "is no moment"),
        ("+3x", "is no moment"),
        ("2027-01-31T14:59:00", "needs a moment with a time zone"),
        ("+9999999w", "further away than the clock can go"),
        ("+99999999999999d", "further away than the clock can go"),
    ],
)
def test_the_command_says_what_is_wrong(words: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        run(words)
    assert message in str(caught.value)
    assert not ClockOffset.objects.exists()


def test_the_command_refuses_to_move_the_clock_in_production(settings: Settings) -> None:
    settings.TEST_CLOCK = False
    with pytest.raises(CommandError, match="never in production"):
        run("+1d")
    assert run("show") == clock.now().replace(microsecond=0)

"""The two probes."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from running import heartbeat
from web import health

ALL = (heartbeat.default, heartbeat.engine, heartbeat.delivery, heartbeat.bulk)


def ready(client: Client) -> tuple[int, dict[str, str]]:
    """The status and the checks of /readyz."""
    answer = client.get("/readyz", headers={"host": "10.0.0.7"})
    assert answer.json()["ready"] == (answer.status_code == 200)
    return answer.status_code, answer.json()["checks"]


def test_a_process_that_answers_is_alive_whatever_the_host() -> None:
    answer = Client().get("/healthz", headers={"host": "anything.example"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer and answer["Cache-Control"] == "no-store"


def test_ready_says_each_check_by_name(nobody: Client) -> None:
    for stamp in ALL:
        stamp()
    status, checks = ready(nobody)
    assert status == 200
    assert set(checks) == {
        "database",
        "migrations",
        "cache",
        "beat",
        "worker default",
        "worker engine",
        "worker delivery",
        "worker bulk",
    }
    assert set(checks.values()) == {"ok"}


@pytest.mark.parametrize("silent", ALL, ids=lambda stamp: stamp.__name__)
def test_a_worker_that_gives_no_sign_of_life_is_named(nobody: Client, silent: Callable[[], None]) -> None:
    for stamp in ALL:
        if stamp is not silent:
            stamp()
    status, checks = ready(nobody)
    assert status == 503
    assert [name for name, said in checks.items() if said != "ok"] == [f"worker {silent.__name__}"]


def test_no_sign_from_any_worker_means_that_beat_may_be_gone(nobody: Client) -> None:
    status, checks = ready(nobody)
    assert status == 503 and checks["beat"] == f"no sign of life in {heartbeat.FRESH_FOR} s"


def test_a_sign_of_life_goes_away_by_itself(nobody: Client) -> None:
    heartbeat.engine()
    remaining = cache._cache.get_client(None).ttl(cache.make_key("heartbeat:engine"))
    assert heartbeat.FRESH_FOR - 5 <= remaining <= heartbeat.FRESH_FOR <= 60


def test_a_migration_that_is_not_applied_is_named(nobody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with_another = health._known_migrations() | {("flows", "9999_later")}
    monkeypatch.setattr(health, "_known_migrations", lambda: with_another)
    status, checks = ready(nobody)
    assert status == 503 and checks["migrations"] == "1 not applied, first flows.9999_later"


def test_what_is_looked_for_is_every_migration_of_every_package(db: None) -> None:
    assert health._known_migrations() == set(MigrationRecorder(connection).applied_migrations())


def test_a_probe_that_says_no_leaves_no_error_in_the_log(nobody: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert ready(nobody)[0] == 503
    assert not caplog.records


def test_a_database_that_does_not_answer_is_named(nobody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = connection.copy()
    elsewhere.settings_dict.update(HOST="127.0.0.1", PORT="1")
    monkeypatch.setattr(health, "connection", elsewhere)
    status, checks = ready(nobody)
    assert status == 503
    assert "OperationalError" in checks["database"] and checks["migrations"] == "unknown"
    assert "\n" not in checks["database"]


def test_a_cache_that_does_not_answer_is_named(nobody: Client, settings) -> None:  # type: ignore[no-untyped-def]
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    status, checks = ready(nobody)
    assert status == 503
    assert "ConnectionError" in checks["cache"] and checks["database"] == "ok"


def test_the_probes_leave_the_connection_of_the_process_alone(nobody: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        ready(nobody)
    assert len(queries) == 0

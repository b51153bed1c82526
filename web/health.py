"""`/healthz`: this process answers. `/readyz`: everything it needs is there, each check by name. `/metrics`: figures.

A middleware in front of all others: probes come by address, without a Host that we know, and must not depend on
sessions. Every check has its own short limit and its own connection, so a hanging database makes no hanging probe.
"""

from collections.abc import Callable
from contextlib import closing
from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from running import heartbeat
from web import metrics

GetResponse = Callable[[HttpRequest], HttpResponse]
OK = "ok"
CONNECT = 2  # seconds, the least that libpq takes
STATEMENT = 1000  # milliseconds
APPLIED = "select app, name from django_migrations"


class HealthMiddleware:
    """Answers the two probes and the scrape, and passes everything else on."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """200, or 503 when a check of /readyz does not say ok."""
        if request.path == "/healthz":
            return _answer({"process": OK})
        if request.path == "/readyz":
            return _answer(_database() | _signs_of_life())
        if request.path == "/metrics":
            return metrics.answer(request)
        return self.get_response(request)


def _answer(checks: dict[str, str]) -> JsonResponse:
    ready = all(said == OK for said in checks.values())
    response = JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)
    response["Cache-Control"] = "no-store"
    response._has_been_logged = True  # type: ignore[attr-defined]  # a probe asks again and again: no error in the log
    return response


def _database() -> dict[str, str]:
    """Can a connection be had, and has every migration of this code been applied."""
    fresh = connection.copy()
    limits = {"connect_timeout": CONNECT, "options": f"-c statement_timeout={STATEMENT}"}
    fresh.settings_dict["OPTIONS"] = {**fresh.settings_dict["OPTIONS"], **limits}
    try:
        with closing(fresh), fresh.cursor() as cursor:
            cursor.execute(APPLIED)  # by hand: Django's recorder would read it through the connection of this thread
            applied = set(cursor.fetchall())
    except DatabaseError as error:
        return {"database": _first_line(error), "migrations": "unknown"}
    missing = sorted(_known_migrations() - applied)
    said = f"{len(missing)} not applied, first {'.'.join(missing[0])}" if missing else OK
    return {"database": OK, "migrations": said}


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """What this code brings; read from the disk once, because that takes a good part of a second."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _signs_of_life() -> dict[str, str]:
    """The cache answers, and in it the signs of life of beat and of a worker per queue."""
    try:
        alive = heartbeat.alive()
    except (RedisError, OSError) as error:
        return {"cache": _first_line(error), "beat": "unknown"}
    silent = f"no sign of life in {heartbeat.FRESH_FOR} s"
    queues = {f"worker {queue}": OK if queue in alive else silent for queue in heartbeat.QUEUES}
    return {"cache": OK, "beat": OK if alive else silent, **queues}


def _first_line(error: Exception) -> str:
    """What went wrong in one line; the probe's reader is the operator."""
    return f"{type(error).__name__}: {error}".splitlines()[0]

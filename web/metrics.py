"""`/metrics` for Prometheus: the figures of running/engine_status.py, read from the database at each scrape.

Whoever shows `METRICS_TOKEN` reads it; without a token only this machine does, past no proxy. Labels are ids of the few
accounts and flows that are due for the longest, never anything personal.
"""

from collections.abc import Iterator
from hmac import compare_digest
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from running import engine_status
from running.engine_status import Status

MOST_LABELS: Final = 20  # flows; what nobody can bound would fill Prometheus
# What only ever grows, as PostgreSQL counts it: constant time, and nothing that is deleted takes away from it.
WRITTEN: Final = {
    "flyt_steps": ("participants_steplog", "Steps that participants have taken."),
    "flyt_participants_enrolled": ("participants_participant", "Participants that were enrolled."),
    "flyt_messages": ("messaging_message", "Messages that were queued."),
    "flyt_events": ("records_event", "Events that were written."),
}
INSERTED: Final = "select pg_stat_get_tuples_inserted(%s::regclass)"


def answer(request: HttpRequest) -> HttpResponse:
    """The figures; 404 for whoever may not see them, as if nothing were here; 503 without a database."""
    if not _may_read(request):
        return HttpResponse("Not found.\n", status=404, content_type="text/plain")
    registry = CollectorRegistry()
    try:
        registry.register(_Figures(engine_status.status(), _written()))
    except DatabaseError as error:
        return HttpResponse(f"{type(error).__name__}\n", status=503, content_type="text/plain")
    response = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    response["Cache-Control"] = "no-store"
    return response


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        shown = request.headers.get("Authorization", "")
        return compare_digest(shown.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    # A proxy on this machine would look like it.
    return "X-Forwarded-For" not in request.headers and _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _written() -> dict[str, int]:
    with connection.cursor() as cursor:
        found = {}
        for name, (table, _text) in WRITTEN.items():
            cursor.execute(INSERTED, [table])
            found[name] = int(cursor.fetchone()[0])
        return found


class _Figures(Collector):
    """What one scrape answers."""

    def __init__(self, found: Status, written: dict[str, int]) -> None:
        self.found, self.written = found, written

    def collect(self) -> Iterator[Metric]:
        """Every figure that is known; what is not, is left out, and `flyt_redis_up` says why."""
        yield from self._due()
        yield from self._waiting()
        yield from self._working()
        for name, n in self.written.items():
            yield CounterMetricFamily(name, WRITTEN[name][1], value=n)

    def _due(self) -> Iterator[Metric]:
        found = self.found
        yield GaugeMetricFamily("flyt_due_flows", "Running flows in which somebody is due.", found.flows_due)
        age = found.behind.total_seconds() if found.behind else 0
        yield GaugeMetricFamily("flyt_due_oldest_age_seconds", "For how long the longest due has been due.", age)
        text = "Who is due, in all flows; of many in one flow, or in very many flows, at least so many."
        yield GaugeMetricFamily("flyt_due_people", text, found.due)
        labels = ["account", "flow"]
        due = GaugeMetricFamily("flyt_due_participants", "Who is due, in the flows due for the longest.", labels=labels)
        ages = GaugeMetricFamily("flyt_flow_due_oldest_age_seconds", "The same, in each of them.", labels=labels)
        for each in found.flows[:MOST_LABELS]:
            place = [str(each.account_id), str(each.flow)]
            due.add_metric(place, each.due)
            ages.add_metric(place, each.behind.total_seconds())
        yield due
        yield ages
        if found.stuck is not None:
            yield GaugeMetricFamily("flyt_stuck_flows", "Flows that stand still.", len(found.stuck))
        text = "When somebody last looked for flows that stand still; 0 when nothing says so."
        looked = found.stuck_looked_at.timestamp() if found.stuck_looked_at else 0
        yield GaugeMetricFamily("flyt_stuck_looked_timestamp_seconds", text, looked)

    def _waiting(self) -> Iterator[Metric]:
        found = self.found
        text = f"What waits, counted up to {engine_status.MOST_COUNTED}."
        waiting = GaugeMetricFamily("flyt_waiting", text, labels=["what"])
        for what, n in found.waiting.items():
            waiting.add_metric([what], n)
        yield waiting
        age = (found.at - found.oldest_event_at).total_seconds() if found.oldest_event_at else 0
        yield GaugeMetricFamily("flyt_event_oldest_age_seconds", "How long the oldest event has waited.", age)
        late = found.latest_run_late.total_seconds() if found.latest_run_late else 0
        yield GaugeMetricFamily("flyt_run_lateness_seconds", "The latest run of the last ten minutes.", late)

    def _working(self) -> Iterator[Metric]:
        is_up = self.found.queues is not None and self.found.workers is not None
        yield GaugeMetricFamily("flyt_redis_up", "Whether the queues and the cache answer.", float(is_up))
        known = (
            ("flyt_queue_hints", "Hints that wait in a queue.", self.found.queues),
            ("flyt_worker_alive", "Whether a worker of the queue gave a sign of life.", self.found.workers),
        )
        for name, text, values in known:
            family = GaugeMetricFamily(name, text, labels=["queue"])
            for queue, value in (values or {}).items():
                family.add_metric([queue], float(value))
            if values is not None:
                yield family

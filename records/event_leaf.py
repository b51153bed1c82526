"""The condition that something happened to a record, or did not."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.words import full_date

from .event_naming import details_in_words, id_of
from .event_words import ABOUT_LISTS, event_name
from .leaves import Compiler, Leaf, Node, Reference, Subject
from .operators import MOST_DAYS
from .refusals import Error, legible

LONGEST_KIND = 40
LONGEST_TEXT = 500
MOST_DETAILS = 10
MOST_TIMES = 1_000

DetailCheck = Callable[[str, Mapping[str, Any], Subject], Iterator[Error]]
_detail_checks: list[DetailCheck] = []


def register_detail_check(check: DetailCheck) -> None:
    """Let a higher package refuse details that name what is its own, given the kind, the detail and the subject."""
    _detail_checks.append(check)


class EventLeaf(Leaf):
    """{"event": kind, "happened": true, "detail": {key: value}, "within_days": n or null, "at_least": 1}, or instead of
    `within_days` either or both of "since": "2027-03-01" and "until": "2027-03-31".

    "happened": false is the opposite: not at all, or fewer than `at_least` times. Days are whole days in the time zone
    of the question, today and `until` among them.
    """

    keys = frozenset({"happened", "detail", "within_days", "since", "until", "at_least"})

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """The kind may be one that never happened yet."""
        kind = node["event"]
        if not isinstance(kind, str) or not 0 < len(kind) <= LONGEST_KIND or not kind.isprintable() or " " in kind:
            yield Error("event", _("Give the kind of an event, such as link_clicked or custom.order_placed."))
        if not isinstance(node.get("happened", True), bool):
            yield Error("happened", _("True or false."))
        yield from _window_faults(node)
        if not _is_whole(node.get("at_least", 1), 1, MOST_TIMES):
            yield Error("at_least", _("A whole number of times from 1 to %(most)d.") % {"most": MOST_TIMES})
        found = list(_detail_faults(node.get("detail", {})))
        yield from found
        if not found and not subject.stored and isinstance(kind, str):
            for check in _detail_checks:
                yield from check(kind, node.get("detail", {}), subject)

    def compile(self, node: Node, sql: Compiler) -> str:
        """By the index of a record's events, or the other way round: the planner chooses by how many ask."""
        event, times = f"{sql.prefix}_event", node.get("at_least", 1)
        where = [f"{event}.account_id = {sql.account}", f"{event}.kind = {sql.bind(node['event'])}"]
        if detail := node.get("detail"):
            where.append(f"{event}.detail @> {sql.bind(json.dumps(detail))}::jsonb")
        where += _window(node, f"{event}.at", sql)
        table = f"records_event {event} where {' and '.join(where)}"
        if times == 1:
            found = f"exists (select 1 from {table} and {event}.record_id = {sql.record}.id)"
        else:
            # Grouped, so that it can be asked for one record by the index and for all of them at once.
            often = f"select {event}.record_id from {table} group by 1 having count(*) >= {sql.bind(times)}"
            found = f"exists (select 1 from ({often}) often where often.record_id = {sql.record}.id)"
        return found if node.get("happened", True) else f"(not {found})"

    def describe(self, node: Node, subject: Subject) -> str:
        """As in "“Link clicked” happened at least 2 times in the last 30 days"."""
        said = _frequency(node.get("happened", True), node.get("at_least", 1))
        said = said % {"event": event_name(node["event"]), "times": node.get("at_least", 1)}
        if detail := node.get("detail"):
            said = _("{event} with {details}").format(
                event=said, details=details_in_words(node["event"], detail, subject)
            )
        return _window_in_words(node, said)

    def references(self, node: Node, object_type: str) -> Iterator[Reference]:
        """The kind, and the list of joining or leaving one."""
        yield Reference("event", object_type, str(node["event"]))
        detail = node.get("detail")
        named = detail.get("list") if isinstance(detail, Mapping) else None
        if node["event"] in ABOUT_LISTS and _is_whole(id := id_of(named), 1, 2**63):
            yield Reference("list", object_type, int(str(id)))

    def is_time_dependent(self, node: Node) -> bool:
        """With a window that moves on. One that is given by its days stands still, and no event lies in the future:
        only one that is written, and heard of, changes what is found in it, though its days be still to come."""
        return node.get("within_days") is not None


def _is_whole(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _window_faults(node: Node) -> Iterator[Error]:
    days = node.get("within_days")
    if not (days is None or _is_whole(days, 0, MOST_DAYS)):
        yield Error("within_days", _("A whole number of days from 0 to %(most)d.") % {"most": MOST_DAYS})
    given = {name: node[name] for name in ("since", "until") if node.get(name) is not None}
    wrong = [name for name, day in given.items() if not _is_day(day)]
    for name in wrong:
        yield Error(name, _("Give a day, such as 2027-03-31."))
    if days is not None and given:
        yield Error("within_days", _("Give either a number of days, or the first and the last day."))
    if len(given) == 2 and not wrong and given["since"] > given["until"]:
        yield Error("until", _("The last day is before the first."))


def _is_day(given: object) -> bool:
    try:
        return isinstance(given, str) and date.fromisoformat(given).isoformat() == given
    except ValueError:
        return False


def _window(node: Node, at: str, sql: Compiler) -> list[str]:
    """What the moment `at` must meet."""
    if node.get("within_days") is not None:
        start, end = (sql.bind(sql.midnight(days)) for days in (-node["within_days"], 1))
        return [f"{at} >= {start} and {at} < {end}"]
    first, last = (_away(node.get(name), sql) for name in ("since", "until"))
    from_then = [] if first is None else [f"{at} >= {sql.bind(sql.midnight(first))}"]
    return from_then if last is None else [*from_then, f"{at} < {sql.bind(sql.midnight(last + 1))}"]


def _away(day: str | None, sql: Compiler) -> int | None:
    """How many days after today it is."""
    return None if day is None else (date.fromisoformat(day) - sql.today).days


def _window_in_words(node: Node, said: str) -> str:
    since, until = (full_date(date.fromisoformat(node[name])) if node.get(name) else "" for name in ("since", "until"))
    if since and until:
        template = _("{event} on {since}") if since == until else _("{event} from {since} up to and including {until}")
        return template.format(event=said, since=since, until=until)
    if since or until:
        template = _("{event} since {since}") if since else _("{event} up to and including {until}")
        return template.format(event=said, since=since, until=until)
    days = node.get("within_days")
    if days is None:
        return said
    if days == 0:
        return _("{event} today").format(event=said)
    template = ngettext("{event} in the last {days} day", "{event} in the last {days} days", days)
    return template.format(event=said, days=days)


def _detail_faults(detail: object) -> Iterator[Error]:
    if not isinstance(detail, Mapping):
        yield Error("detail", _("Give what the detail must hold, such as an object with a content_id."))
        return
    if len(detail) > MOST_DETAILS:
        yield Error("detail", _("At most %(most)d values.") % {"most": MOST_DETAILS})
    for key, value in list(detail.items())[:MOST_DETAILS]:
        if not _is_text(key) or not (
            _is_text(value) or isinstance(value, bool) or _is_whole(value, -(10**15), 10**15) or _is_fraction(value)
        ):
            yield Error(f"detail.{legible(key)}", _("Give a text, a number, or true or false."))


def _is_text(value: object) -> bool:
    """What PostgreSQL can hold as text."""
    is_text = isinstance(value, str) and len(value) <= LONGEST_TEXT and "\x00" not in value
    return is_text and not any("\ud800" <= character <= "\udfff" for character in str(value))


def _is_fraction(value: object) -> bool:
    return isinstance(value, float) and abs(value) < 10**15  # not NaN either: it is smaller than nothing


def _frequency(happened: bool, times: int) -> str:
    if times == 1:
        return _("“%(event)s” happened") if happened else _("“%(event)s” did not happen")
    if happened:
        return ngettext(
            "“%(event)s” happened at least %(times)d time", "“%(event)s” happened at least %(times)d times", times
        )
    return ngettext(
        "“%(event)s” happened fewer than %(times)d time", "“%(event)s” happened fewer than %(times)d times", times
    )

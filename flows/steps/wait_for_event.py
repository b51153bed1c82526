"""Wait for an event: stand here until one of several things has happened, or the time for it is over.

The look for events is a later batch than the arrival, so either it sees what happened, or the matcher, which wakes by
position, sees who has arrived.
"""

import json
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from flows import exits
from flows.models import Flow, Step
from flows.path import Path
from messaging.models import Content
from records.criteria_references import References
from records.event_leaf import EventLeaf
from records.event_words import event_name
from records.leaves import Subject
from records.models import List

from .base import Batch, Lack, SettingsError, StepKind, only
from .wait import clean_time, time_in_words, time_of

MOST_EVENTS = 20
OUT_OF_TIME = "max_waiting_time"  # what the log says of those who went on without the event
EXITED = "exit_after_max_waiting_time"

# An event about a message of this very walk counts from its hand-over, before which there is none; any other from the
# end of the previous step. What the flow itself did to the record is no event that it waits for.
HAPPENED = """
update batch set decision = 'continue', reason = %(event)s
from batch b
where b.id = batch.id and b.reason = '' and b.decision = 'wait' and exists (
  select 1 from records_event e
  where e.account_id = %(account)s and e.record_id = b.record_id and e.kind = %(event)s
    and e.detail @> %(detail)s::jsonb
    and (starts_with(e.detail->>'origin_key', 'participant:' || b.id || ':') or (
      e.at >= b.arrived_at and (e.flow_id is distinct from %(flow)s or e.detail ? 'origin_key')))
    and (b.wait_until is null or e.at <= b.wait_until))
"""


class WaitForEvent(StepKind):
    """Settings: {"events": [{"event": kind, "detail": {...}}], "amount": 7 or null, "unit": "days", "exit": true,
    "exit_flow": id or null, "exit_list": id or null}.

    Any of the events ends the wait. `detail` is what the event's detail must hold. Without an amount they wait for
    ever; with `exit` whoever has waited so long leaves the flow, otherwise they go on.
    """

    kind, label, family, icon = "wait_for_event", _("Wait for event"), "control", "bolt"
    hint = _("Until a click, a change, an event of your own …")
    waits = True

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Events, the time, and what happens when it is over."""
        only(settings, "events", "amount", "unit", *exits.NAMES)
        errors: dict[str, Any] = {}
        cleaned = {
            "events": _clean_events(settings.get("events", []), flow, errors),
            **clean_time(settings, errors),
            **exits.clean(settings, flow=flow, errors=errors),
        }
        if errors:
            raise SettingsError(errors)
        return cleaned

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """An event, and what it names still there; without a time people may stand here for ever."""
        missing = [Lack(*each) for each in exits.lacks(step, path)]
        if not step.settings.get("events"):
            missing.append(Lack("wait_without_event", gettext("Choose what to wait for."), "events"))
        for number, (each, name) in enumerate(zip(_events(step), _names(step, path), strict=True)):
            if name is None:
                key = "content_id" if "content_id" in each["detail"] else "list"
                message = gettext("What this event is about is gone. Choose another.")
                missing.append(Lack("event_is_gone", message, f"events.{number}.detail.{key}"))
        if not step.settings.get("amount"):
            message = gettext("Without a maximum waiting time people may stand here for ever.")
            missing.append(Lack("wait_without_maximum", message, "amount", is_warning=True))
        return missing

    def summary(self, step: Step, path: Path) -> str:
        """ "Link clicked in “Welcome” or Unsubscribed, at most 7 days"."""
        said = [
            gettext("{event} in “{name}”").format(event=event_name(each["event"]), name=name)
            if name
            else event_name(each["event"])
            for each, name in zip(_events(step), _names(step, path), strict=True)
        ]
        if not said:
            return gettext("No event chosen")
        events, longest = gettext(" or ").join(said), time_in_words(step.settings)
        if not longest:
            return events
        return gettext("{events}, at most {time}").format(events=events, time=longest)

    def hears(self, settings: dict[str, Any]) -> frozenset[str]:
        """The kinds of its events."""
        return frozenset(each["event"] for each in settings.get("events") or [])

    def references(self, settings: dict[str, Any], object_type: str) -> References:
        """Its lists and its events."""
        lists = {each["detail"].get("list") for each in settings.get("events") or []} - {None}
        return References(lists=exits.references(settings).lists | frozenset(lists), events=self.hears(settings))

    def run(self, batch: Batch) -> None:
        """On the first look fix the end; then pass whom an event lets go, and those whose time is over."""
        batch.execute(
            """
            update batch set wait_until = coalesce(wait_until, arrived_at + %(longest)s::interval), decision = 'wait'
            where decision = 'continue'
            """,
            longest=time_of(batch.step.settings),
        )
        for each in _events(batch.step):
            batch.execute(HAPPENED, event=each["event"], detail=json.dumps(each["detail"]))
        is_exit = bool(batch.step.settings.get("exit"))
        batch.execute(
            """
            update batch set due_at = wait_until,
              decision = case when wait_until <= %(now)s then %(over)s else decision end,
              reason = case when wait_until <= %(now)s then %(reason)s else '' end
            where decision = 'wait'
            """,
            over="drop_out" if is_exit else "continue",
            reason=EXITED if is_exit else OUT_OF_TIME,
        )
        if is_exit:
            exits.exit_by(batch, EXITED)


def _events(step: Step) -> list[dict[str, Any]]:
    return list(step.settings.get("events") or [])


def _clean_events(given: object, flow: Flow, errors: dict[str, Any]) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > MOST_EVENTS:
        errors["events"] = gettext("A list of at most %(most)d events.") % {"most": MOST_EVENTS}
        return []
    cleaned = []
    for number, each in enumerate(given):
        if not isinstance(each, dict) or not set(each) <= {"event", "detail"} or "event" not in each:
            errors[f"events.{number}"] = gettext("An object with an event, and a detail if need be.")
            continue
        node = {"event": each["event"], "detail": each.get("detail") or {}}
        faults = list(EventLeaf().check(node, Subject(flow.object_type)))
        errors.update({f"events.{number}.{fault.path}": fault.message for fault in faults})
        if not faults:
            cleaned.append(node)
    _check_names(cleaned, flow, errors)
    return cleaned


def _check_names(cleaned: list[dict[str, Any]], flow: Flow, errors: dict[str, Any]) -> None:
    """Contents and lists are those of the account."""
    contents, lists = _named(cleaned, "content_id"), _named(cleaned, "list")
    known = set(Content.objects.filter(pk__in=contents).values_list("pk", flat=True))
    known_lists = set(
        List.objects.filter(pk__in=lists, object_type_id=flow.object_type_id).values_list("pk", flat=True)
    )
    for number, each in enumerate(cleaned):
        if each["detail"].get("content_id") in contents - known:
            errors[f"events.{number}.detail.content_id"] = gettext("There is no such content.")
        if each["detail"].get("list") in lists - known_lists:
            errors[f"events.{number}.detail.list"] = gettext("There is no such list.")


def _named(events: list[dict[str, Any]], key: str) -> set[int]:
    """The ids at a key of the details of events; an own event may mean anything by such a key."""
    return {
        each["detail"][key]
        for each in events
        if isinstance(each["detail"].get(key), int) and not each["event"].startswith("custom.")
    }


def _names(step: Step, path: Path) -> list[str | None]:
    """For each event of the step the name of the content or list that it is about; "" for any, None when it is gone."""
    steps = [each for one in path.group for each in one.steps.values() if each.kind == step.kind]
    every = [event for each in steps for event in _events(each)]
    contents = path.once(
        "event contents",
        lambda: dict(Content.objects.filter(pk__in=_named(every, "content_id")).values_list("pk", "name")),
    )
    lists = path.once(
        "event lists", lambda: dict(List.objects.filter(pk__in=_named(every, "list")).values_list("pk", "name"))
    )
    names: list[str | None] = []
    for each in _events(step):
        content, chosen = (next(iter(_named([each], key)), None) for key in ("content_id", "list"))
        if content is not None:
            names.append(contents.get(content))
        else:
            names.append(lists.get(chosen) if chosen is not None else "")
    return names

"""Making and editing a flow from its document: checked whole, then written whole, or not at all."""

from typing import Any

from django.utils.translation import gettext as _

from accounts import history
from accounts.actors import Actor
from accounts.history import NotAllowed
from accounts.models import Account
from accounts.tenancy import account_scope
from flows.document import as_document
from flows.locks import lock_key, take_exclusive
from flows.models import ExclusionList, Flow, FlowStatus
from flows.path import Path
from messaging.models import Outbox
from participants.leaving import SENDS, forget_addresses
from records.models import ObjectType
from scheduling.clock import now
from triggers import firing, schedules
from triggers.models import Schedule, Trigger

from . import changes, documents, ending
from .drafts import Draft, InvalidDocument, TriggerDraft
from .protection import refuse_where_people_stand
from .writing import write_steps

__all__ = ["InvalidDocument", "StaleRevision", "add", "create", "edit"]


class StaleRevision(Exception):
    """The flow has been changed since it was read. `current` is its revision now."""

    def __init__(self, current: int) -> None:
        super().__init__(_("Somebody else has changed the flow. Read it again."))
        self.current = current


def create(account_id: int, document: object, *, by: Actor) -> Flow:
    """A new flow, not running. What the document leaves out gets its default. Raises InvalidDocument."""
    with account_scope(account_id, durable=True):
        return add(account_id, document, by=by)


def add(account_id: int, document: object, *, by: Actor) -> Flow:
    """`create`, inside a scope that the caller has open."""
    given = document if isinstance(document, dict) else {}
    object_type = _object_type(given.get("object_type", documents.BLANK["object_type"]))
    time_zone = Account.objects.values_list("time_zone", flat=True).get(pk=account_id)
    blank = {**documents.BLANK, "time_zone": time_zone}
    if object_type:
        blank["object_type"] = object_type.key
    draft = documents.read(document, current=blank, flow=Flow(object_type=object_type), object_type=object_type, by=by)
    outbox = Outbox.objects.create(lock_key=0, **draft.email)
    flow = Flow.objects.create(object_type=object_type, outbox=outbox, owner_id=by.user_id, **draft.flow)
    outbox.lock_key = lock_key(flow.pk)
    outbox.save(update_fields=["lock_key"])
    _write_parts(flow, draft, current=blank)
    history.record(flow, "created", by=by, detail={"name": flow.name})
    return flow


def edit(account_id: int, flow_id: int, document: object, *, revision: int, by: Actor) -> Flow:
    """Make the flow what `document` says; what the document leaves out stays as it is.

    `revision` is the one the caller has read. A document that changes nothing leaves the revision as it is. Raises
    `Flow.DoesNotExist`, StaleRevision, InvalidDocument, or NotAllowed: "running", "still_ending",
    "people_stand_here", "busy".
    """
    with account_scope(account_id):
        # Looked at before the lock is asked for: a running flow's batches need not wait for a refusal.
        _refuse_unless_editable(Flow.objects.get(pk=flow_id))
    with account_scope(account_id, durable=True):
        take_exclusive(flow_id)
        # A second statement: what the lock's former holder wrote is seen.
        flow: Flow = Flow.objects.select_related("object_type", "outbox").get(pk=flow_id)
        _refuse_unless_editable(flow)
        if flow.revision != revision:
            raise StaleRevision(flow.revision)
        before = as_document(flow)
        draft = documents.read(document, current=before, flow=flow, object_type=flow.object_type, by=by)
        refuse_where_people_stand(Path.of(flow), draft.steps)
        _write(flow, draft, current=before)
        if not Path.of(flow).has_kind(*SENDS):
            forget_addresses(flow.pk)  # from now on nobody who leaves would give theirs back
        changed = changes.between(before, as_document(flow))
        if changed:
            _count_up(flow)
            history.record(flow, "edited", by=by, detail={**changed, "revision": flow.revision})
    return flow


def _object_type(key: object) -> ObjectType | None:
    return ObjectType.objects.filter(key=key, archived_at=None).first() if isinstance(key, str) else None


def _refuse_unless_editable(flow: Flow) -> None:
    if flow.status == FlowStatus.RUNNING:
        raise NotAllowed("running", _("Pause the flow first: a running flow cannot be changed."), status=flow.status)
    if ending.is_ending(flow):
        raise NotAllowed("still_ending", _("The flow is still ending. Edit it when everyone has left."))


def _write(flow: Flow, draft: Draft, *, current: dict[str, Any]) -> None:
    for row, wanted in ((flow, draft.flow), (flow.outbox, draft.email)):
        changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
        for name, value in changed.items():
            setattr(row, name, value)
        if changed:
            row.save(update_fields=list(changed))
    _write_parts(flow, draft, current=current)


def _write_parts(flow: Flow, draft: Draft, *, current: dict[str, Any]) -> None:
    """What hangs on the flow: exclusion lists, triggers with their schedules, steps with their branches."""
    gone = set(current["exclusion_lists"]) - set(draft.exclusion_lists)
    new = [each for each in draft.exclusion_lists if each not in current["exclusion_lists"]]
    ExclusionList.objects.filter(flow=flow, list_id__in=gone).delete()
    ExclusionList.objects.bulk_create(ExclusionList(flow=flow, list_id=list_id) for list_id in new)
    _write_triggers(flow, draft.triggers, {each["id"]: each for each in current["triggers"]})
    write_steps(flow, Path.of(flow), draft.steps)


def _write_triggers(flow: Flow, drafts: list[TriggerDraft], current: dict[int, dict[str, Any]]) -> None:
    """A schedule that stays the same is left alone: saving one moves its next run on. What is due fires first, by the
    criteria that it was due by."""
    for schedule in Schedule.objects.filter(flow=flow):
        firing.fire_one(schedule)
    # A firing under way is waited for, so that the run it writes is seen by what goes with the trigger.
    list(Schedule.objects.filter(trigger__in=current).order_by("pk").select_for_update())
    kept = {draft.id for draft in drafts}
    Trigger.objects.filter(pk__in=[each for each in current if each not in kept]).delete()
    for draft in drafts:
        old = current.get(draft.id or 0, {"criteria": None, "schedule": None})
        if draft.id is None:
            trigger = Trigger.objects.create(flow=flow, kind=draft.kind, criteria=draft.criteria)
        else:
            trigger = Trigger.objects.get(pk=draft.id)
            if draft.criteria != old["criteria"]:
                trigger.criteria = draft.criteria
                trigger.save(update_fields=["criteria"])
        if draft.schedule == old["schedule"]:
            continue
        if draft.schedule is None:
            Schedule.objects.filter(trigger=trigger).delete()
        else:
            schedules.save(trigger, draft.schedule)


def _count_up(flow: Flow) -> None:
    """The guard of last resort: under the flow's lock nobody else can have counted up."""
    moment = now()
    updated = Flow.objects.filter(pk=flow.pk, revision=flow.revision).update(
        revision=flow.revision + 1, updated_at=moment
    )
    if not updated:
        raise StaleRevision(Flow.objects.values_list("revision", flat=True).get(pk=flow.pk))
    flow.revision, flow.updated_at = flow.revision + 1, moment

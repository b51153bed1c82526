"""One person's walk through a flow, told newest first: enrolled, sent, waited, took a branch, finished."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import Account
from flows.exits import HANDED_OVER
from flows.models import Flow, FlowStatus, Step
from flows.path import Path
from flows.steps import KINDS
from flows.steps.wait import length_in_words
from flows.visibility import name_of
from messaging.audience import person_of
from messaging.models import Content, Message, MessageStatus, Suppression, of_records
from participants import onward, reasons
from participants.models import Participant, ParticipantStatus, StepLog
from records.event_words import event_name
from records.models import Event, Record
from triggers.models import Occurrence
from web.step_facts import title_of
from web.story_changes import Changes

MOST_ENTRIES = 200  # of the log; the latest
CLICKED = "link_clicked"


@dataclass(frozen=True)
class Told:
    """One line of the story. `since` is set where it lasted from then until `at`."""

    icon: str
    tone: str
    text: SafeString | str
    at: datetime | None
    since: datetime | None = None
    note: SafeString | str = ""
    is_next: bool = False


@dataclass
class Story:
    """Everything that one walk left behind, read in a number of queries that does not grow."""

    participant: Participant
    flow: Flow
    path: Path
    account: Account

    def entries(self) -> list[Told]:
        """The lines, newest first; what comes next on top."""
        lines = [*self._next(), *self._onward(), *(self._of(entry) for entry in self.log), *self._clicks()]
        lines.sort(key=lambda line: (line.is_next, line.at or self.participant.enrolled_at), reverse=True)
        return [*lines, self._enrolled()]

    def _onward(self) -> Iterator[Told]:
        """The flows that were asked to take this person in as the walk ended, and what came of it."""
        for each in onward.of_walk(self.participant):
            yield Told("right", "", each.text, self.participant.ended_at, note=each.outcome_text)

    @cached_property
    def log(self) -> list[StepLog]:
        """What the steps did, newest first."""
        rows = StepLog.objects.filter(participant_id=self.participant.pk)
        return list(rows.order_by("-hop")[:MOST_ENTRIES])

    @cached_property
    def changes(self) -> Changes:
        """What the steps did to the record."""
        return Changes(self.participant, self.flow, self.log)

    @cached_property
    def messages(self) -> dict[int, Message]:
        """Hop -> the message that was queued there."""
        mine = f"participant:{self.participant.pk}:"
        found = Message.objects.filter(of_records([self.participant.record_id]), outbox_id=self.flow.outbox_id)
        return {int(each.origin_key[len(mine) :]): each for each in found if each.origin_key.startswith(mine)}

    @cached_property
    def contents(self) -> dict[int, Content]:
        """What the messages say."""
        ids = {message.content_id for message in self.messages.values()}
        return Content.objects.defer("html", "text").in_bulk(ids)

    def _enrolled(self) -> Told:
        causes = {
            "schedule": _("Enrolled by the schedule"),
            "by_hand": _("Enrolled by hand"),
            "list": _("Enrolled from a list"),
            "api": _("Enrolled through the API"),
        }
        is_handed_over = self.participant.cause == "hand_over"
        text = self._from_flow() if is_handed_over else causes.get(self.participant.cause, _("Enrolled"))
        run = Occurrence.objects.filter(pk=self.participant.occurrence_id or 0).first()
        return Told("person-plus", "green", text, self.participant.enrolled_at, note=run.sentence if run else "")

    def _from_flow(self) -> str:
        """Which flow handed over, as the event says that asked for it."""
        asked = Event.objects.filter(
            record_id=self.participant.record_id, kind=HANDED_OVER, at__lte=self.participant.enrolled_at
        )
        asked = asked.filter(detail__flow=self.flow.pk).order_by("-pk").values_list("flow_id", flat=True)
        flow = Flow.objects.filter(pk=asked.first() or 0).first()
        return _("Handed over by the flow “%s”") % name_of(flow) if flow else _("Handed over by another flow")

    def _next(self) -> Iterator[Told]:
        """What an active participant waits for."""
        who = self.participant
        if who.status != ParticipantStatus.ACTIVE:
            return
        note = _("The flow is paused: nobody moves until it is turned on.") if self._is_paused else ""
        if who.step_id is None:
            yield Told("clock", "", _("Waits in the queue before the first step"), None, note=note, is_next=True)
            return
        step = self.path.steps.get(who.step_id)
        message = self.messages.get(who.hop)
        if message is not None:
            text = _("Waits until “%s” has left") % self._content_name(message)
            yield Told("mail", "", text, None, since=who.arrived_at, note=note, is_next=True)
        elif step is not None and step.kind == "wait_for_event":
            text = _("Waits for: %s") % KINDS[step.kind].summary(step, self.path)
            yield Told("bolt", "", text, who.wait_until, note=note or self._after(step), is_next=True)
        elif who.wait_until is not None:
            yield Told("clock", "", _("Waits"), who.wait_until, note=note or self._after(step), is_next=True)
        else:
            text = _("Stands on “%s”") % (title_of(step, self.path) if step else _("a step that is gone"))
            yield Told("clock", "", text, who.due_at, note=note, is_next=True)

    def _of(self, entry: StepLog) -> Told:
        """One row of the log in words."""
        step = self.path.steps.get(entry.step_id)
        if entry.outcome == "continued":
            return self._passed(entry, step)
        if entry.outcome == "finished":
            return self._finished(entry)
        where = title_of(step, self.path) if step else ""
        text = _("Cancelled") if entry.outcome == "cancelled" else _("Left the flow")
        reason = (self._suppressed(entry) or reasons.text(entry.reason)) if entry.reason else ""
        note = f"{reason} · {where}" if where and reason else reason or where
        return Told("exit", "red", text, entry.at, note=note)

    def _suppressed(self, entry: StepLog) -> str:
        """Why the address gets no more messages, as far as it is known now."""
        if entry.reason != "address_suppressed":
            return ""
        record = Record.objects.filter(pk=self.participant.record_id).first()
        person = record and person_of(record)
        if not person or not person.pk:
            return ""
        of_address = Suppression.objects.filter(address=person.email)
        return str(reasons.SUPPRESSED.get(of_address.values_list("reason", flat=True).first() or "", ""))

    def _passed(self, entry: StepLog, step: Step | None) -> Told:
        if entry.step_id == 0:
            return Told("play", "", _("Left the queue"), entry.at)
        if step is None:
            return Told("right", "", _("Passed a step that is gone"), entry.at)
        if message := self.messages.get(entry.hop):
            return self._sent(message, entry)
        kind = KINDS[step.kind]
        if entry.branch_id is not None:
            return Told(kind.icon, "", self._branch(entry.branch_id), entry.at, note=step.name)
        if step.kind == "wait_for_event" and entry.reason:
            text = _("Waited until: %s") % event_name(entry.reason)
            if entry.reason in reasons.WENT_ON:
                text = _("Waited, and went on: %s") % reasons.text(entry.reason)
            return Told(kind.icon, "", text, entry.at, since=entry.arrived_at, note=step.name)
        if step.kind == "wait":
            text = _("Waited %s") % length_in_words(entry.at - entry.arrived_at) if entry.arrived_at else _("Waited")
            return Told(kind.icon, "", text, entry.at, since=entry.arrived_at, note=step.name)
        return Told(kind.icon, "", self.changes.told(entry, step), entry.at, note=step.name)

    def _finished(self, entry: StepLog) -> Told:
        if self.participant.status == ParticipantStatus.FINISHED_WITH_SUCCESS:
            name = self.participant.success_criterion
            text = _("Finished with success by “%s”") % name if name else _("Finished with success")
            return Told("star", "green", text, entry.at)
        return Told("flag", "green", _("Finished"), entry.at)

    def _sent(self, message: Message, entry: StepLog) -> Told:
        note = _("To %s.") % message.address
        if message.status == MessageStatus.UNCONFIRMED:
            note = _("To %s. Whether it arrived is not known.") % message.address
        return Told("mail", "accent", self._link(_("Sent {content}"), message), message.sent_at or entry.at, note=note)

    def _branch(self, branch_id: int) -> str:
        branch = self.path.branches.get(branch_id)
        if branch is None:
            return _("Took a branch that is gone")
        return _("Took the branch “%s”") % (branch.name or (_("Everyone else") if branch.is_everyone_else else ""))

    def _clicks(self) -> Iterator[Told]:
        """Clicks in the messages of this walk."""
        if not self.messages:
            return
        happened = Event.objects.filter(record_id=self.participant.record_id, kind=CLICKED, flow_id=self.flow.pk)
        own = {message.pk: message for message in self.messages.values()}
        for event in happened.order_by("-pk")[:MOST_ENTRIES]:
            message = own.get(event.detail.get("message_id", 0))
            if message is not None:
                text = self._link(_("Clicked in {content}"), message)
                yield Told("link", "accent", text, event.at, note=str(event.detail.get("url", "")))

    def _after(self, step: Step | None) -> str:
        """What follows the wait."""
        following = self.path.after(step.pk) if step else None
        return _("Then: %s") % title_of(self.path.steps[following], self.path) if following else ""

    def _content_name(self, message: Message) -> str:
        content = self.contents.get(message.content_id)
        return content.name if content else _("a content that is gone")

    def _link(self, text: str, message: Message) -> SafeString:
        content: Any = self._content_name(message)
        if message.content_id in self.contents:
            address = reverse("web:content", args=[self.account.slug, message.content_id])
            content = format_html('<a href="{}">{}</a>', address, content)
        return format_html(text, content=content)

    @property
    def _is_paused(self) -> bool:
        return bool(self.flow.status == FlowStatus.PAUSED)

"""Send e-mail: queue one message each, then stand here until it has been handed over.

Holding makes "wait three days" after it count from the hand-over, and a failed message drop its person out.
"""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from flows.models import Flow, Step
from flows.path import Path
from messaging import lifecycle as messages
from messaging import merge_fields, rendering
from messaging.advice import of_stranger
from messaging.models import Content

from .base import Batch, Lack, SettingsError, StepKind, only


class SendEmail(StepKind):
    """Settings: {"content": id}. The sender stands in the flow's outbox.

    In a flow of another object type than contacts it goes to the record's primary contact.
    """

    kind, label, family, icon = "send_email", _("Send e-mail"), "message", "mail"
    hint = _("Written under Contents")
    channel = "email"
    waits = True
    listens_to = frozenset({"message_handed_over", "message_failed", "message_cancelled"})

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """A content of the flow's own or one that flows share, or none yet."""
        only(settings, "content")
        chosen = settings.get("content")
        if chosen is not None and not (
            isinstance(chosen, int)
            and not isinstance(chosen, bool)
            and Content.objects.filter(usable_in(flow.pk), pk=chosen).exists()
        ):
            raise SettingsError({"content": gettext("There is no such content for this flow.")})
        return {"content": chosen}

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """A content with a subject and something to say, whose merge fields can be read and name something."""
        content = _content(path, step)
        if content is None:
            return [Lack("email_without_content", gettext("Choose what to send."), "content")]
        if content.flow_id not in (None, path.flow_id):
            message = gettext("This content belongs to another flow. Choose another, or copy it.")
            return [Lack("content_of_another_flow", message, "content")]
        lacks = []
        if not content.subject.strip():
            lacks.append(Lack("content_without_subject", gettext("Write a subject."), "subject"))
        if not (content.html.strip() or content.text.strip()):
            lacks.append(Lack("content_is_empty", gettext("Write the message."), "html"))
        lacks += [Lack("content_invalid", error.message, error.field) for error in rendering.check(content)]
        known = path.once("names", lambda: merge_fields.names(step.flow.object_type_id))
        strange = merge_fields.strangers(content, known)
        return lacks + [
            Lack("merge_field_of_nothing", of_stranger(each), "content", is_warning=True) for each in strange
        ]

    def summary(self, step: Step, path: Path) -> str:
        """The content's name."""
        content = _content(path, step)
        return content.name if content else gettext("No content chosen")

    def run(self, batch: Batch) -> None:
        """Look at the message that an earlier look queued; queue one for those who have none."""
        batch.execute(
            """
            update batch set
              decision = case when m.status in ('sent', 'unconfirmed') then 'continue'
                              when m.status in ('failed', 'cancelled') then 'drop_out' else 'wait' end,
              reason = case when m.status = 'failed' then 'sending_failed'
                            when m.status = 'cancelled' then m.reason else '' end,
              due_at = null
            from messaging_message m
            where m.account_id = %(account)s and m.origin_key = 'participant:' || batch.id || ':' || batch.hop
              and batch.decision = 'continue'
            """
        )
        new = """
            select r.id as record_id, nullif(b.record_id, r.id) as about_id, r.email as address,
              'participant:' || b.id || ':' || b.hop as origin_key,
              %(content)s::bigint as content_id, %(outbox)s::bigint as outbox_id, %(flow)s::bigint as flow_id, b.depth
            from batch b join records_record r on r.id = b.person_id and r.account_id = %(account)s
            where b.decision = 'continue' and not exists (
              select 1 from messaging_message m
              where m.account_id = %(account)s and m.origin_key = 'participant:' || b.id || ':' || b.hop)
        """
        messages.queue(
            new,
            {
                "content": batch.step.settings["content"],
                "outbox": batch.flow.outbox_id,
                "flow": batch.flow.pk,
                "account": batch.account_id,
            },
        )
        batch.execute(
            """
            update batch set decision = 'wait', due_at = null
            from messaging_message m
            where m.account_id = %(account)s and m.origin_key = 'participant:' || batch.id || ':' || batch.hop
              and batch.decision = 'continue' and m.status in ('queued', 'sending')
            """
        )


def usable_in(flow_id: int | None) -> Q:
    """The contents that steps of a flow may send: its own, and those of no flow."""
    return Q(flow_id=None) | Q(flow_id=flow_id)


def _content(path: Path, step: Step) -> Content | None:
    contents = path.once("contents", lambda: Content.objects.in_bulk(path.pointed_at("content")))
    return contents.get(step.settings.get("content"))

"""The checks before every step, for a whole batch, in the order that DESIGN section 6 gives them.

Still active is the claim's own condition. Then: a success criterion met; the record deleted or a former employee;
on an exclusion list or meeting the unenrolment criteria. What a channel adds is the send step's own affair.
"""

from django.utils.translation import gettext as _

from flows.models import ExclusionList
from flows.steps import KINDS
from flows.steps.base import Batch
from messaging import audience
from records import criteria
from records.criteria import Condition


def screen(batch: Batch) -> None:
    """Decide for those who succeed or fail a check; the others keep 'continue'."""
    _mark_success(batch)
    _drop_out(batch)
    kind = KINDS.get(batch.step.kind)
    if kind and kind.channel == "email":
        _screen_addressees(batch)


def _mark_success(batch: Batch) -> None:
    for number, criterion in enumerate(batch.flow.success):
        condition = _compile(batch, criterion["criteria"], f"s{number}")
        batch.execute(
            f"""
            update batch set succeeded = true, success_criterion = %(name)s
            from records_record r
            where r.id = batch.record_id and r.account_id = %(account)s and not batch.succeeded and ({condition.sql})
            """,
            name=criterion.get("name") or _("Success"),
            **condition.params,
        )
    if batch.flow.success and batch.flow.jump_to_finish:
        batch.execute("update batch set decision = 'finish' where succeeded")


def _drop_out(batch: Batch) -> None:
    unenrolment = _compile(batch, batch.flow.unenrolment, "u") if batch.flow.unenrolment else Condition("false", {})
    batch.execute(
        f"""
        update batch set decision = 'drop_out', reason = failed.reason
        from (
          select b.id, case
              when r.id is null or r.archived_at is not null then 'record_deleted'
              when r.former_employee then 'former_employee'
              when {EXCLUDED} then 'exclusion_list'
              when {unenrolment.sql} then 'unenrolment' end as reason
          from batch b left join records_record r on r.id = b.record_id and r.account_id = %(account)s
          where b.decision = 'continue'
        ) failed
        where failed.id = batch.id and failed.reason is not null
        """,
        exclusions=exclusion_lists(batch.flow.pk),
        **unenrolment.params,
    )


def _screen_addressees(batch: Batch) -> None:
    """What e-mail adds: consent, subscription, an address that is not suppressed, and nobody else's in this flow.

    All of it is the person's: the record, or in a flow of another type its primary contact. Whoever has a message of
    this hop already has passed: its step has acted on them.
    """
    person_type = batch.path.once("type of people", audience.person_type)
    if batch.flow.object_type_id != person_type:
        batch.execute(FIND_PEOPLE, person_type=person_type)
    refusal = audience.why_not(batch.flow.outbox)
    batch.execute(
        f"""
        update batch set decision = 'drop_out', reason = refused.reason
        from (
          select b.id, {refusal.sql} as reason
          from batch b join records_record r on r.id = b.person_id and r.account_id = %(account)s
          where b.decision = 'continue' and not exists ({HAS_MESSAGE})
        ) refused
        where refused.id = batch.id and refused.reason is not null
        """,
        **refusal.params,
    )
    batch.execute(
        f"""
        insert into participants_flowaddress (account_id, flow_id, address, participant_id)
        select distinct on (r.email) %(account)s, %(flow)s, r.email, b.id
        from batch b join records_record r on r.id = b.person_id and r.account_id = %(account)s
        where b.decision = 'continue' and not exists ({HAS_MESSAGE})
        order by r.email, b.record_id
        on conflict do nothing
        """
    )
    batch.execute(
        f"""
        update batch set decision = 'drop_out', reason = 'duplicate_address'
        from batch b join records_record r on r.id = b.person_id and r.account_id = %(account)s
        where b.id = batch.id and b.decision = 'continue' and not exists ({HAS_MESSAGE})
          and not exists (
            select 1 from participants_flowaddress a
            where a.account_id = %(account)s and a.flow_id = %(flow)s and a.address = r.email
              and a.participant_id = b.id)
        """
    )


HAS_MESSAGE = """
    select 1 from messaging_message m
    where m.account_id = %(account)s and m.origin_key = 'participant:' || b.id || ':' || b.hop"""

FIND_PEOPLE = f"""
    update batch set person_id = found.person_id,
      decision = case when found.reason is null then 'continue' else 'drop_out' end, reason = coalesce(found.reason, '')
    from (
      select b.id, r.id as person_id,
        case when r.id is null then 'no_contact' when r.former_employee then 'former_employee' end as reason
      from batch b
      left join records_association a on a.account_id = %(account)s and a.record_id = b.record_id
        and a.other_type_id = %(person_type)s and a.is_primary
      left join records_record r on r.account_id = %(account)s and r.id = a.other_id and r.archived_at is null
      where b.decision = 'continue' and not exists ({HAS_MESSAGE})
    ) found
    where found.id = batch.id
"""

EXCLUDED = """exists (
    select 1 from records_listentry excluded
    where excluded.account_id = %(account)s and excluded.list_id = any(%(exclusions)s) and excluded.record_id = r.id)"""


def exclusion_lists(flow_id: int) -> list[int]:
    """The ids of a flow's exclusion lists."""
    return list(ExclusionList.objects.filter(flow_id=flow_id).values_list("list_id", flat=True))


def _compile(batch: Batch, tree: dict[str, object], prefix: str) -> Condition:
    return criteria.compile(
        tree,
        object_type_id=batch.flow.object_type_id,
        moment=batch.now,
        zone=batch.flow.time_zone,
        prefix=prefix,
    )

"""Who may be written to: one SQL expression, for batches in the send step and for a message at hand-over."""

from typing import Any, NamedTuple

from accounts.tenancy import current_account_id
from records.models import Association, ObjectType, Record

from .models import Outbox

PERSON = "contact"  # the object type of those who are written to

# In the order in which the reasons count. A person's own word about the subscription type decides; without
# one, consent alone covers a default type and no other.
WHY_NOT = """
    case
        when not %(audience_override)s and {record}.consent <> 'given' then 'no_consent'
        when not coalesce(
            (select s.subscribed from messaging_subscription s where s.account_id = %(audience_account)s
                and s.record_id = {record}.id and s.type_id = %(audience_type)s),
            (select t.is_default from messaging_subscriptiontype t where t.account_id = %(audience_account)s
                and t.id = %(audience_type)s),
            true
        ) then 'not_subscribed'
        when coalesce({address}, '') = '' then 'no_address'
        when exists (select 1 from messaging_suppression x where x.account_id = %(audience_account)s
            and x.address = {address}) then 'address_suppressed'
    end
"""


class WhyNot(NamedTuple):
    """A SQL expression and its named parameters: a reason code, or null for who may be written to."""

    sql: str
    params: dict[str, Any]


def person_type() -> int | None:
    """The id of the object type whose records are written to themselves; any other's primary contacts are."""
    return ObjectType.objects.filter(key=PERSON).values_list("pk", flat=True).first()


def person_of(record: Record) -> Record:
    """Whom a message about `record` goes to: itself, or its primary contact; somebody unknown where there is none."""
    person = person_type()
    if record.object_type_id == person:
        return record
    primary = Association.objects.filter(record_id=record.pk, other_type_id=person, is_primary=True)
    found = Record.objects.filter(pk__in=primary.values("other_id"), archived_at=None).first()
    return found or Record(properties={})


def why_not(outbox: Outbox, *, record: str = "r", address: str = "r.email") -> WhyNot:
    """The reason why a record may not be written to through `outbox`, else null.

    no_consent, not_subscribed, no_address, address_suppressed. `record` is the alias of records_record in the
    statement around it, `address` the SQL of the normalised address.
    """
    return WhyNot(
        WHY_NOT.format(record=record, address=address),
        {
            "audience_account": current_account_id(),
            "audience_override": outbox.override_consent,
            "audience_type": outbox.subscription_type_id,
        },
    )

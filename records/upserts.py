"""Many records at once, created or updated: rows are read, then merged with what is there as one set."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.actors import Actor
from accounts.members import by_id_address_and_name
from accounts.models import Account
from accounts.tenancy import current_account_id

from .merging import IMPORT, Merge, Result, Status
from .models import ObjectType, Property, PropertyType
from .rows import MATCHES, Row, RowReader

__all__ = ["IMPORT", "MOST_ROWS", "Result", "Status", "reader_of", "upsert"]

MOST_ROWS = 10_000


def upsert(
    object_type: ObjectType,
    rows: Sequence[Mapping[str, Any]],
    *,
    match_on: str,
    source: str,
    by: Actor | None = None,
) -> list[Result]:
    """Create or update the records that `rows` (at most 10,000) speak of; one result per row, in their order.

    A row: {"properties": {key: value}, "external_id": ..., "consent": true | false | "given" | "withdrawn",
    "consent_at": ..., "former_employee": ...}, with "id" when `match_on` is "id". What a row leaves out stays as it
    is, null clears. `match_on`: "email" (of several records with it the lowest id that is not archived),
    "external_id", "id" (creates nothing) or "new" (creates one each). A row with a fault is refused alone. Rows about
    the same record are applied in their order and written once.
    `source`, and who acts, are told in the events. Those of an "import" have no consequences, and a withdrawn consent
    stays withdrawn unless the row says when it was given, later than that.
    """
    if match_on not in MATCHES:
        raise ValueError(f"match_on is one of {', '.join(MATCHES)}, not {match_on!r}.")
    if len(rows) > MOST_ROWS:
        raise ValueError(f"At most {MOST_ROWS} rows at once, not {len(rows)}.")
    reader = reader_of(object_type, match_on)
    read: dict[int, Row] = {}
    results: dict[int, Result] = {}
    for number, given in enumerate(rows):
        row, errors = reader.read(given)
        if errors:
            results[number] = Result(Status.REFUSED, errors=errors)
        else:
            read[number] = row
    with transaction.atomic():
        results |= Merge(object_type, match_on=match_on, source=source, by=by).run(read)
    return [results[number] for number in range(len(rows))]


def reader_of(object_type: ObjectType, match_on: str) -> RowReader:
    """What reads rows about records of the type, by its properties and the account's zone, country and members."""
    account = Account.objects.get(pk=current_account_id())
    properties = {each.key: each for each in Property.objects.filter(object_type=object_type, archived_at=None)}
    has_owner = any(each.type == PropertyType.OWNER for each in properties.values())
    return RowReader(
        properties,
        match_on,
        ZoneInfo(account.time_zone),
        country=account.country,
        members=by_id_address_and_name() if has_owner else {},
    )

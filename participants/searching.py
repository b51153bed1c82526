"""Finding the walks of one flow by words of the records that walk: name, address, phone, external id.

Asked in the owner's role, bound to the account in every table, as `records.searching`.
"""

from dataclasses import dataclass
from typing import Final

from accounts.tenancy import current_account_id
from flows.models import Flow
from records.searching import ask_as_owner, words_of

NEAR: Final = 10_000  # the latest walks, looked at one by one: a word that many have fills a page from them
A_PAGE: Final = 201  # and no more than this is looked for among them: the longest page, and whether there is more
# One by one: `offset 0` keeps PostgreSQL from reading all records that have the word.
NEARBY: Final = """
select p.id from (
  select p.id, p.record_id from participants_participant p where {walks} {order} limit %(near)s
) p cross join lateral (
  select 1 from records_record r where r.id = p.record_id and {records} offset 0
) r {order} limit %(limit)s
"""
HAS_OTHERS: Final = "select exists (select 1 from participants_participant p where {walks} {order} offset %(near)s)"
ALL: Final = """
with r as materialized (select r.id from records_record r where {records})
select p.id from r join participants_participant p on p.record_id = r.id where {walks} {order} limit %(limit)s
"""


@dataclass(frozen=True)
class Wanted:
    """Which walks of a flow; `search` is not blank."""

    flow: Flow
    search: str
    statuses: tuple[str, ...] = ()  # any, if none is named
    step_id: int | None = None  # 0: in the queue before the first
    reason: str = ""


def ids(wanted: Wanted, *, limit: int, after: int | None = None, is_falling: bool = True) -> list[int]:
    """The ids of some walks, the latest enrolled first (or last), behind the id `after`.

    Inside the account's scope. Raises `records.searching.TooSlow`.
    """
    words, params = words_of(wanted.search)
    walks = ["p.account_id = %(account)s", "p.flow_id = %(flow)s"]
    if wanted.statuses:
        walks.append("p.status = any(%(statuses)s::text[])")
    if wanted.step_id is not None:
        walks.append("p.step_id = %(step)s" if wanted.step_id else "p.step_id is null")
    if wanted.reason:
        walks.append("p.reason = %(reason)s")
    if after is not None:
        walks.append(f"p.id {'<' if is_falling else '>'} %(after)s")
    parts = {
        "walks": " and ".join(walks),
        "records": f"r.account_id = %(account)s and r.object_type_id = %(object_type)s and {words}",
        "order": f"order by p.id {'desc' if is_falling else 'asc'}",
    }
    params |= {
        "account": current_account_id(),
        "flow": wanted.flow.pk,
        "object_type": wanted.flow.object_type_id,
        "statuses": list(wanted.statuses),
        "step": wanted.step_id,
        "reason": wanted.reason,
        "after": after,
        "near": NEAR,
        "limit": limit,
    }
    if limit <= A_PAGE:
        near = [row[0] for row in ask_as_owner(NEARBY.format(**parts), params)]
        if len(near) == limit or not ask_as_owner(HAS_OTHERS.format(**parts), params)[0][0]:
            return near
    return [row[0] for row in ask_as_owner(ALL.format(**parts), params)]

"""Putting people of a batch into a static list."""

from typing import TYPE_CHECKING

from records import events

if TYPE_CHECKING:
    from .steps.base import Batch  # the step kinds import this module


def put_in_list(batch: "Batch", list_id: int, *, who: str) -> None:
    """Put in everyone of the batch whom `who` (SQL over its columns) takes; only those who really joined are told of.

    In key order, as everywhere: two batches that meet on the same records deadlock otherwise.
    """
    sql, params = events.insert_sql(
        "list_joined",
        "select record_id, jsonb_build_object('list', %(list)s::bigint) as detail, depth from joined",
        flow_id=batch.flow.pk,
        before=f"""
        inserted as (
          insert into records_listentry (account_id, list_id, record_id, added_at)
          select %(account)s, %(list)s, record_id, %(now)s from batch where {who}
          order by record_id
          on conflict do nothing returning record_id),
        counted as (
          insert into records_listtally (account_id, list_id, change)
          select %(account)s, %(list)s, count(*) from inserted having count(*) > 0),
        joined as (select batch.record_id, batch.depth from inserted join batch using (record_id))
        """,
    )
    batch.execute(sql, **{**params, "list": list_id})

"""The records that the table finds as CSV, as a stream: memory does not grow with them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts import history, members
from accounts.models import Account
from accounts.rights import Right
from accounts.tenancy import account_scope
from records import searching
from records.import_refusals import as_csv
from records.leaves import columns as columns_of
from records.leaves import is_column
from records.models import Property, PropertyType, Record
from records.values import JsonValue
from web.access import AccountRequest, account_view
from web.record_rows import properties_of
from web.record_table import Table, filters_of

AT_ONCE: Final = 1_000


@account_view(right=Right.ADMINISTER)
@require_GET
def export(request: AccountRequest) -> HttpResponse:
    """All values of those whom the table finds, the latest made first. It is noted who took them."""
    table = Table.of(request.GET)
    if table.fault:
        return HttpResponse(table.fault, status=422, content_type="text/plain; charset=utf-8")
    history.record(table.object_type, "exported", by=request.actor, detail=filters_of(request.GET).dict())
    answer = StreamingHttpResponse(
        lines(request.account, table, language=translation.get_language()), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="{table.object_type.key}.csv"'
    return cast(HttpResponse, answer)  # a streaming answer is none to the type checker


def lines(account: Account, table: Table, *, language: str) -> Iterator[str]:
    """The records as CSV, piece by piece; each opens a short scope of its own, as the stream outlives the view."""
    zone = ZoneInfo(account.time_zone)  # the view's own is over by now
    with account_scope(account.pk), translation.override(language):
        columns = [*properties_of(table.object_type), *columns_of(table.object_type)]
        names = members.names() if any(each.type == PropertyType.OWNER for each in columns) else {}
        head = [_("Id"), *(str(each.label) for each in columns)]
    yield "\ufeff" + as_csv([head])  # the mark tells spreadsheets that it is UTF-8
    last: int | None = None
    while True:
        with account_scope(account.pk), timezone.override(zone):
            found = searching.records(searching.ids(table.wanted, limit=AT_ONCE, after=last))
            rows = [[each.pk, *(cell(each, column, names) for column in columns)] for each in found]
        if not found:
            return
        last = found[-1].pk
        yield as_csv(rows)


def cell(record: Record, column: Property, names: dict[int, str]) -> Any:
    """A value as an import reads it again; moments in the account's zone."""
    if is_column(column):
        value = getattr(record, column.key)
        return timezone.localtime(value).isoformat(timespec="seconds") if isinstance(value, datetime) else _plain(value)
    value = record.properties.get(column.key)
    if column.type == PropertyType.OWNER and isinstance(value, int):
        return names.get(value, value)
    return _plain(value)


def _plain(value: JsonValue) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "; ".join(value) if isinstance(value, list) else value

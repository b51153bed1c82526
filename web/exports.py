"""The records that the table finds, as a file."""

from typing import cast

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import translation
from django.views.decorators.http import require_GET

from accounts import history
from accounts.rights import Right
from records.exporting import lines
from records.searching import TooSlow
from web.access import AccountRequest, account_view
from web.record_rows import TOO_SLOW
from web.record_table import Table, filters_of


@account_view(right=Right.ADMINISTER)
@require_GET
def export(request: AccountRequest) -> HttpResponse:
    """All values of those whom the table finds, the latest made first. It is noted who took them."""
    table = Table.of(request.GET)
    if table.fault:
        return HttpResponse(table.fault, status=422, content_type="text/plain; charset=utf-8")
    try:
        language = translation.get_language()
        pieces = lines(request.account, table.object_type, table.wanted, language=language, for_spreadsheets=True)
    except TooSlow:
        return HttpResponse(TOO_SLOW, status=422, content_type="text/plain; charset=utf-8")
    history.record(table.object_type, "exported", by=request.actor, detail=filters_of(request.GET).dict())
    answer = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{table.object_type.key}.csv"'
    return cast(HttpResponse, answer)  # a streaming answer is none to the type checker

"""Records as CSV."""

from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from rest_framework import serializers
from rest_framework.request import Request

from accounts import history
from accounts.models import Account
from accounts.rights import Right
from records import exporting, searching
from records.models import ObjectType

from .errors import Invalid
from .records import RecordFilters, too_slow, wanted_records
from .schema import CSV, endpoint
from .views import AccountView


class ExportQuery(RecordFilters):
    """Which records."""

    object_type = serializers.CharField(default="contact", help_text="The key of an object type.")


class RecordExport(AccountView):
    """The records of a type as a file."""

    rights = {"GET": Right.ADMINISTER}

    @endpoint("The records of an object type as CSV, the latest made first", query=ExportQuery, answers=CSV)
    def get(self, request: Request) -> HttpResponseBase:
        """All their values, as an import reads them again, in one stream. The history keeps who took them."""
        query = self.query(ExportQuery)
        wanted = wanted_records(query)
        of = wanted.object_type
        assert of is not None  # the query names one
        account = Account.objects.get(pk=self.actor.account_id)
        try:
            lines = exporting.lines(account, of, wanted, language=translation.get_language())
        except searching.TooSlow:
            raise Invalid(too_slow()) from None
        history.record(of, "exported", by=self.actor, detail=_told(query, of))
        headers = {"Content-Disposition": f'attachment; filename="{of.key}.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _told(query: dict[str, Any], of: ObjectType) -> dict[str, str]:
    """Which records were taken, in the words in which the table of records has them in its address."""
    kept = {name: str(value) for name, value in query.items() if name not in ("object_type", "archived") and value}
    return {"type": of.key, **kept, **({"archived": "1"} if query["archived"] else {})}

"""Records: contacts, companies ... one at a time or ten thousand in one request."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.rights import Right
from records import criteria, editing, erasing, searching, tasks
from records.models import ObjectType, Record
from records.searching import Place, Wanted
from records.upserts import Result, Status, upsert

from .errors import Invalid
from .object_types import object_type
from .pagination import PageQuery, page_by_id, page_sorted
from .record_shapes import Aim, BatchAnswer, BatchQuestion, BatchShape, NewRecord, RecordChange, RecordShape
from .schema import endpoint, paged
from .shapes import Nothing, Shape
from .views import AccountView

SOURCE = "api"


class RecordFilters(Shape):
    """Which records are meant."""

    object_type = serializers.CharField(required=False, help_text="The key of an object type.")
    email = serializers.CharField(required=False, max_length=254)
    external_id = serializers.CharField(required=False, max_length=200)
    search = serializers.CharField(
        required=False,
        max_length=200,
        help_text="Words of the name, e-mail address or phone number (from three letters any part of one, shorter its "
        "beginning), or the external id.",
    )
    criteria = serializers.CharField(
        required=False, help_text="JSON: see docs/criteria.md; give `object_type` too. Relative dates count from now."
    )
    archived = serializers.BooleanField(required=False, default=False, help_text="Archived ones instead.")


class RecordQuery(RecordFilters, PageQuery):
    """Which records, and in which order."""

    ordering = serializers.CharField(
        required=False,
        default="id",
        max_length=100,
        help_text="`id`, `created_at` (the same), `updated_at`, `name`, `external_id`, `consent`, `consent_at`, "
        "`former_employee`, or with `object_type` the key of a property; falling with a `-` before it. Unknown values "
        "come last. Other than by id, up to 10,000 records are sorted.",
    )


class ErasureQuery(Shape):
    """How to erase."""

    suppress = serializers.BooleanField(
        required=False, default=True, help_text="false: the address may be written to again if it is imported anew."
    )


class Records(AccountView):
    """The records of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The records of the account", query=RecordQuery, answers=paged(RecordShape))
    def get(self, request: Request) -> Response:
        """In the order they were made, or in another."""
        query = self.query(RecordQuery)
        wanted = wanted_records(query)
        by, is_falling = searching.order_of(query["ordering"], wanted.object_type)

        def by_id(after: int | None, limit: int) -> list[Record]:
            found = searching.ids(wanted, limit=limit, after=after, is_falling=is_falling)
            return searching.records(found)

        def by_value(after: Place | None, limit: int) -> list[Place]:
            return searching.sorted_places(wanted, by=by, is_falling=is_falling, limit=limit, after=after)

        try:
            if by == "id":
                return page_by_id(by_id, request, query, show_records)
            return page_sorted(by_value, searching.records, request, query, show_records)
        except searching.TooSlow:
            raise Invalid(too_slow()) from None
        except searching.TooMany:
            message = _("More than {most} records cannot be sorted. Narrow the search or the criteria.")
            raise Invalid(("?ordering", message.format(most=searching.MOST_SORTED))) from None

    @endpoint("Create or update a record", takes=NewRecord, answers=RecordShape, status=201, also={200: RecordShape})
    def post(self, request: Request) -> Response:
        """201 when it is new, 200 when a record with the same address or external id was updated."""
        given = document(request)
        aim = Aim(data={name: given.pop(name) for name in ("object_type", "match_on") if name in given})
        aim.is_valid(raise_exception=True)
        of = object_type("object_type", aim.validated_data["object_type"])
        result = write(of, given, match_on=aim.validated_data.get("match_on") or match_for(given), by=self.actor)
        return answer_record(result.id, status=201 if result.status == Status.CREATED else 200)


class OneRecord(AccountView):
    """A record."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_CONTENT, "DELETE": Right.EDIT_FLOWS}

    def is_scoped(self, request: Request) -> bool:
        """Erasing works in scopes of its own."""
        return request.method != "DELETE"

    @endpoint("A record", answers=RecordShape)
    def get(self, request: Request, record_id: int) -> Response:
        """Also when it is archived."""
        return answer_record(record_id)

    @endpoint("Change a record", takes=RecordChange, answers=RecordShape)
    def patch(self, request: Request, record_id: int) -> Response:
        """What is left out stays as it is; null clears."""
        record = Record.objects.select_related("object_type").get(pk=record_id)
        given = document(request)
        if "id" in given:
            raise Invalid(("id", _("A record keeps its id.")))
        editing.change(record, given, by=self.actor, source=SOURCE)
        return answer_record(record_id)

    @endpoint("Erase a record for good", query=ErasureQuery, status=204)
    def delete(self, request: Request, record_id: int) -> Response:
        """With all that is stored about it: values, story, messages, walks, associations, list entries.

        Its address gets nothing more, even if it is imported anew, unless `suppress` is false. Cannot be undone.
        """
        query = self.query(ErasureQuery)
        with self.scope():
            found = Record.objects.get(pk=record_id).pk
        erasing.erase(self.actor.account_id, [found], by=self.actor, suppresses=query["suppress"])
        with self.scope():
            tasks.erase_records.hint(self.actor.account_id)
        return Response(status=204)


class ArchiveRecord(AccountView):
    """Putting a record away."""

    rights = {"POST": Right.EDIT_CONTENT}

    @endpoint("Archive a record", takes=Nothing, answers=RecordShape)
    def post(self, request: Request, record_id: int) -> Response:
        """It leaves its flows and is enrolled in none; its story stays. A second time changes nothing."""
        editing.archive([Record.objects.get(pk=record_id).pk], by=self.actor, source=SOURCE)
        return answer_record(record_id)


class RestoreRecord(AccountView):
    """Taking an archived record out again."""

    rights = {"POST": Right.EDIT_CONTENT}

    @endpoint("Restore an archived record", takes=Nothing, answers=RecordShape)
    def post(self, request: Request, record_id: int) -> Response:
        """It may be enrolled again; the walks that it left stay ended."""
        editing.restore([Record.objects.get(pk=record_id).pk], by=self.actor, source=SOURCE)
        return answer_record(record_id)


class Batch(AccountView):
    """Many records at once."""

    rights = {"POST": Right.EDIT_CONTENT}

    @endpoint("Create or update up to 10,000 records", takes=BatchShape, answers=BatchAnswer, idempotent=True)
    def post(self, request: Request) -> Response:
        """Answered one by one, in order: a record with a fault is refused alone."""
        given = self.read(BatchQuestion)
        of = object_type("object_type", given["object_type"])
        results = upsert(of, given["records"], match_on=given["match_on"], source=SOURCE, by=self.actor)
        statuses = [result.status for result in results]
        return Response(
            {
                **{status.value: statuses.count(status) for status in Status},
                "results": [show_result(result) for result in results],
            }
        )


def wanted_records(query: Mapping[str, Any]) -> Wanted:
    """The records that a query asks for; raises Invalid."""
    key = query.get("object_type")
    of = object_type("?object_type", key) if key else None
    return Wanted(
        of,
        query.get("search", ""),
        _criteria(query["criteria"], of) if "criteria" in query else None,
        is_archived=query["archived"],
        email=query.get("email", "").strip().lower(),
        external_id=query.get("external_id", ""),
    )


def too_slow() -> tuple[str, str]:
    """What is wrong with a query that takes longer to answer than anybody waits."""
    return "?criteria", _("Looking takes too long. Narrow the search or the criteria.")


def _criteria(text: str, of: ObjectType | None) -> Any:
    if of is None:
        raise Invalid(("?object_type", _("Say of which object type the records are.")))
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(("?criteria", _("This is not JSON."))) from None
    if faults := criteria.check(tree, of):
        raise Invalid(*((f"?criteria.{fault.path}".rstrip("."), fault.message) for fault in faults))
    return tree


def show_records(rows: Sequence[Record]) -> Any:
    """Records as the API shows them, with one query for their object types."""
    types = ObjectType.objects.in_bulk({row.object_type_id for row in rows})
    for row in rows:
        row.object_type = types[row.object_type_id]
    return RecordShape(rows, many=True).data


def answer_record(record_id: int | None, *, status: int = 200) -> Response:
    """A record; raises `Record.DoesNotExist`."""
    record = Record.objects.select_related("object_type").get(pk=record_id)
    return Response(RecordShape(record).data, status=status)


def document(request: Request) -> dict[str, Any]:
    """The body, which must be an object; raises Invalid."""
    if not isinstance(request.data, dict):
        raise Invalid(("", _("Send an object.")))
    return dict(request.data)


def match_for(given: Mapping[str, Any]) -> str:
    """What makes a record the same as one that is there: its address, else its external id."""
    properties = given.get("properties")
    has_email = isinstance(properties, dict) and bool(properties.get("email"))
    return "external_id" if given.get("external_id") and not has_email else "email"


def write(of: ObjectType, given: Mapping[str, Any], *, match_on: str, by: Actor) -> Result:
    """Write one record; raises Invalid when it is refused."""
    (result,) = upsert(of, [given], match_on=match_on, source=SOURCE, by=by)
    if result.status == Status.REFUSED:
        raise Invalid(*((error.path, error.message) for error in result.errors))
    return result


def show_result(result: Result) -> dict[str, Any]:
    """What became of one row."""
    return {
        "status": result.status.value,
        "id": result.id,
        "errors": [{"path": error.path, "message": error.message} for error in result.errors],
        "superseded_by": result.superseded_by,
    }

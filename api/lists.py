"""Lists of records: static ones, to fill by id or by criteria, and dynamic ones."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records import criteria, dynamic_lists, list_deletion, list_refresh, lists, refusals
from records.models import List, ListEntry, ListFolder, ListKind, Record
from records.used_by import users_of_list
from scheduling.clock import now

from . import uses
from .errors import Invalid
from .flow_documents import CRITERIA
from .object_types import object_type
from .pagination import PageQuery, page
from .record_shapes import RecordShape
from .records import show_records
from .schema import endpoint, paged
from .shapes import HIGHEST_ID, Id, Shape
from .views import AccountView

MOST_AT_ONCE = 10_000


class ListShape(Shape):
    """A named set of records."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(ListKind.choices)
    object_type = serializers.CharField(source="object_type.key")
    folder = serializers.IntegerField(source="folder_id", allow_null=True)
    description = serializers.CharField()
    criteria = serializers.JSONField(
        allow_null=True, help_text="Of a dynamic list; of a static one while a worker puts records in by them."
    )
    size = serializers.IntegerField(help_text="How many records are in it.")
    is_evaluated = serializers.BooleanField(
        help_text="False until a worker has put in, and taken out, whom new criteria ask for."
    )
    failure = serializers.CharField(
        source="refresh_failure",
        help_text="Why the last evaluation came to no end: `too_slow` (its criteria take too long), `error`, or empty."
        " It is tried again every hour.",
    )
    as_of = serializers.DateTimeField(
        source="refreshed_at", allow_null=True, help_text="When a dynamic list was last evaluated wholly."
    )
    created_at = serializers.DateTimeField()


class NewList(Shape):
    """A list to make."""

    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(ListKind.choices, default=ListKind.STATIC)
    object_type = serializers.CharField(default="contact")
    criteria = serializers.JSONField(
        required=False,
        help_text="A dynamic list holds whoever meets them; a static one begins with whoever meets them now.",
    )
    folder = Id(required=False, allow_null=True)
    description = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ChangedList(Shape):
    """What of a list may be changed; what is left out stays."""

    name = serializers.CharField(required=False, max_length=200)
    folder = Id(required=False, allow_null=True)
    description = serializers.CharField(required=False, allow_blank=True, max_length=500)
    criteria = serializers.JSONField(required=False, help_text="Of a dynamic list: a worker evaluates it anew.")


class ListQuery(PageQuery):
    """Which lists."""

    object_type = serializers.CharField(required=False, help_text="The key of an object type.")
    search = serializers.CharField(required=False, max_length=200, help_text="Part of the name.")
    folder = serializers.IntegerField(required=False, min_value=0, max_value=HIGHEST_ID, help_text="0: in no folder.")
    kind = serializers.ChoiceField(ListKind.choices, required=False)


class ListChange(Shape):
    """Records to put in and take out by id, or the criteria of those to put in now."""

    add = serializers.ListField(child=Id(), required=False, max_length=MOST_AT_ONCE)
    remove = serializers.ListField(child=Id(), required=False, max_length=MOST_AT_ONCE)
    criteria = serializers.JSONField(required=False, help_text=CRITERIA)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ids or criteria."""
        if not attrs or ("criteria" in attrs and len(attrs) > 1):
            raise serializers.ValidationError(_("Give add, remove or both, or criteria alone."))
        return attrs


class ListChanged(Shape):
    """How many records really came and went."""

    added = serializers.IntegerField(
        allow_null=True, help_text="null: so many may meet the criteria that a worker puts them in."
    )
    removed = serializers.IntegerField()


class NewCopy(Shape):
    """A static copy of a list as it is now."""

    name = serializers.CharField(max_length=200)


class Lists(AccountView):
    """The lists of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The lists of the account", query=ListQuery, answers=paged(ListShape))
    def get(self, request: Request) -> Response:
        """In the order they were made."""
        query = self.query(ListQuery)
        rows = List.objects.filter(is_hidden=False).select_related("object_type")
        if key := query.get("object_type"):
            rows = rows.filter(object_type=object_type("?object_type", key))
        if text := query.get("search"):
            rows = rows.filter(name__icontains=text)
        if kind := query.get("kind"):
            rows = rows.filter(kind=kind)
        if "folder" in query:
            rows = rows.filter(folder_id=query["folder"] or None)
        return page(rows, request, query, show)

    @endpoint("Make a list", takes=NewList, answers=ListShape, status=201)
    def post(self, request: Request) -> Response:
        """A dynamic one is filled by a worker; a static one is empty, or filled with whoever meets the criteria."""
        given = self.read(NewList)
        of = object_type("object_type", given["object_type"])
        options = {"folder": folder_of(given.get("folder")), "description": given["description"]}
        if given["kind"] == ListKind.DYNAMIC:
            if "criteria" not in given:
                raise Invalid(("criteria", _("Say who is in a dynamic list.")))
            made = dynamic_lists.create_dynamic(given["name"], of, given["criteria"], **options)
        else:
            made = lists.create_static(given["name"], of, **options)
            if "criteria" in given:
                fill(made, given["criteria"])
        return Response(show([made])[0], status=201)


class OneList(AccountView):
    """A list."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_CONTENT, "DELETE": Right.EDIT_CONTENT}

    @endpoint("A list, with its size", answers=ListShape)
    def get(self, request: Request, list_id: int) -> Response:
        """The size is right at any moment."""
        return Response(show([find(list_id)])[0])

    @endpoint("Change a list", takes=ChangedList, answers=ListShape)
    def patch(self, request: Request, list_id: int) -> Response:
        """Its id, kind and object type stay."""
        found, given = find(list_id), self.read(ChangedList)
        lists.change(
            found,
            name=given.get("name", found.name),
            description=given.get("description", found.description),
            folder=folder_of(given["folder"]) if "folder" in given else found.folder,
        )
        if "criteria" in given:
            dynamic_lists.change_criteria(found, given["criteria"])
        return Response(show([found])[0])

    @endpoint("Delete a list", status=204)
    def delete(self, request: Request, list_id: int) -> Response:
        """Its records stay. Refused with 409, and `used_by`, while flows or other lists use it."""
        list_deletion.delete(find(list_id), by=self.actor)
        return Response(status=204)


class ListRecords(AccountView):
    """The records in a list."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The records in a list", query=PageQuery, answers=paged(RecordShape))
    def get(self, request: Request, list_id: int) -> Response:
        """By id."""
        query = self.query(PageQuery)
        entries = ListEntry.objects.filter(list=find(list_id))
        rows = Record.objects.filter(pk__in=entries.values("record_id"))
        return page(rows, request, query, show_records)

    @endpoint("Put records into a list, or take them out", takes=ListChange, answers=ListChanged, idempotent=True)
    def post(self, request: Request, list_id: int) -> Response:
        """Ids that are no records of the list's object type are passed over."""
        chosen, given = find(list_id), self.read(ListChange)
        if "criteria" in given:
            added = fill(chosen, given["criteria"])
        else:
            added = lists.add(chosen, given["add"]) if given.get("add") else 0
        removed = lists.remove(chosen, given["remove"]) if given.get("remove") else 0
        return Response({"added": added, "removed": removed})


class OneListRecord(AccountView):
    """A record in a list."""

    rights = {"DELETE": Right.EDIT_CONTENT}

    @endpoint("Take a record out of a list", status=204)
    def delete(self, request: Request, list_id: int, record_id: int) -> Response:
        """The record stays. 404 when it is not in the list."""
        if not lists.remove(find(list_id), [record_id]):
            raise ListEntry.DoesNotExist
        return Response(status=204)


class Freeze(AccountView):
    """Static copies."""

    rights = {"POST": Right.EDIT_CONTENT}

    @endpoint("Copy a list, as it is now, to a static one", takes=NewCopy, answers=ListShape, status=201)
    def post(self, request: Request, list_id: int) -> Response:
        """Of a large list a worker puts the records in."""
        copy = lists.freeze(find(list_id), self.read(NewCopy)["name"])
        return Response(show([copy])[0], status=201)


class UsedBy(AccountView):
    """What uses a list."""

    rights = {"GET": Right.SEE}

    @endpoint("The flows, lists and imports that use a list", answers=uses.Uses)
    def get(self, request: Request, list_id: int) -> Response:
        """While there are any, the list cannot be deleted."""
        return Response(uses.show(users_of_list(find(list_id)), self.actor))


def find(list_id: int) -> List:
    """A list of the account; raises `List.DoesNotExist`."""
    found: List = List.objects.select_related("object_type", "folder").get(pk=list_id, is_hidden=False)
    return found


def show(rows: Sequence[List]) -> Any:
    """Lists as the API shows them, with one query for their sizes."""
    sizes, moment = lists.sizes(row.pk for row in rows), now()
    for row in rows:
        where = dynamic_lists.state(row, moment)
        row.size = sizes[row.pk]  # type: ignore[attr-defined]
        row.is_evaluated = not (where.is_waiting or where.is_under_way or where.failure)  # type: ignore[attr-defined]
    return ListShape(rows, many=True).data


def folder_of(folder_id: int | None) -> ListFolder | None:
    """A folder of the account; raises Invalid when there is none."""
    if folder_id is None:
        return None
    found: ListFolder | None = ListFolder.objects.filter(pk=folder_id).first()
    if found is None:
        raise Invalid(("folder", _("There is no such folder.")))
    return found


def fill(chosen: List, tree: object) -> int | None:
    """Put in whoever meets the criteria now; raises Invalid with the places of their faults."""
    if faults := criteria.check(tree, chosen.object_type):
        raise refusals.Invalid(fault.under("criteria") for fault in faults)
    return lists.add_matching(chosen, tree, moment=now(), zone=list_refresh.account_zone())

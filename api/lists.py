"""Lists of records: made, filled, looked through."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Account
from accounts.rights import Right
from accounts.tenancy import current_account_id
from records import criteria, lists
from records.models import List, ListEntry, ListKind, Record
from scheduling.clock import now

from .errors import Invalid
from .flow_documents import CRITERIA
from .object_types import object_type
from .pagination import PageQuery, page
from .record_shapes import RecordShape
from .records import show_records
from .schema import endpoint, paged
from .shapes import Id, Shape
from .views import AccountView

MOST_AT_ONCE = 10_000


class ListShape(Shape):
    """A named set of records."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(ListKind.choices)
    object_type = serializers.CharField(source="object_type.key")
    created_at = serializers.DateTimeField()


class SizedList(ListShape):
    """A list with how many records are in it."""

    size = serializers.SerializerMethodField()

    def get_size(self, row: List) -> int:
        """Counted now."""
        return lists.size(row)


class NewList(Shape):
    """A list to make."""

    name = serializers.CharField(max_length=200)
    object_type = serializers.CharField(default="contact")
    criteria = serializers.JSONField(required=False, help_text="Fills the list now with whoever meets them.")


class ListName(Shape):
    """What of a list may be changed."""

    name = serializers.CharField(max_length=200)


class ListQuery(PageQuery):
    """Which lists."""

    object_type = serializers.CharField(required=False, help_text="The key of an object type.")
    search = serializers.CharField(required=False, max_length=200, help_text="Part of the name.")


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

    added = serializers.IntegerField()
    removed = serializers.IntegerField()


class Lists(AccountView):
    """The lists of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The lists of the account", query=ListQuery, answers=paged(ListShape))
    def get(self, request: Request) -> Response:
        """In the order they were made."""
        query = self.query(ListQuery)
        rows = List.objects.select_related("object_type")
        if key := query.get("object_type"):
            rows = rows.filter(object_type=object_type("?object_type", key))
        if text := query.get("search"):
            rows = rows.filter(name__icontains=text)
        return page(rows, request, query, lambda found: ListShape(found, many=True).data)

    @endpoint("Make a list", takes=NewList, answers=SizedList, status=201)
    def post(self, request: Request) -> Response:
        """Empty, or filled now with whoever meets the criteria."""
        given = self.read(NewList)
        made = lists.create_static(given["name"], object_type("object_type", given["object_type"]))
        if "criteria" in given:
            fill(made, given["criteria"])
        return Response(SizedList(made).data, status=201)


class OneList(AccountView):
    """A list."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_CONTENT}

    @endpoint("A list, with its size", answers=SizedList)
    def get(self, request: Request, list_id: int) -> Response:
        """Counted now."""
        return Response(SizedList(List.objects.select_related("object_type").get(pk=list_id)).data)

    @endpoint("Rename a list", takes=ListName, answers=SizedList)
    def patch(self, request: Request, list_id: int) -> Response:
        """Its id stays."""
        found = List.objects.select_related("object_type").get(pk=list_id)
        lists.rename(found, self.read(ListName)["name"])
        return Response(SizedList(found).data)


class ListRecords(AccountView):
    """The records in a list."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The records in a list", query=PageQuery, answers=paged(RecordShape))
    def get(self, request: Request, list_id: int) -> Response:
        """By id."""
        query = self.query(PageQuery)
        entries = ListEntry.objects.filter(list=List.objects.only("pk").get(pk=list_id))
        rows = Record.objects.filter(pk__in=entries.values("record_id"))
        return page(rows, request, query, show_records)

    @endpoint("Put records into a list, or take them out", takes=ListChange, answers=ListChanged, idempotent=True)
    def post(self, request: Request, list_id: int) -> Response:
        """Ids that are no records of the list's object type are passed over."""
        chosen = List.objects.select_related("object_type").get(pk=list_id)
        given = self.read(ListChange)
        if "criteria" in given:
            added = fill(chosen, given["criteria"])
        else:
            added = lists.add(chosen, given["add"]) if given.get("add") else 0
        removed = lists.remove(chosen, given["remove"]) if given.get("remove") else 0
        return Response({"added": added, "removed": removed})


def fill(chosen: List, tree: object) -> int:
    """Put in whoever meets the criteria now; raises Invalid with the places of their faults."""
    if faults := criteria.check(tree, chosen.object_type):
        raise Invalid(*((f"criteria.{fault.path}".rstrip("."), fault.message) for fault in faults))
    zone = Account.objects.values_list("time_zone", flat=True).get(pk=current_account_id())
    return lists.add_matching(chosen, tree, moment=now(), zone=zone)

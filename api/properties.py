"""The properties of object types."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records.models import Property, PropertyType
from records.property_changes import archive_property, change_property, restore_property
from records.schema import add_property
from records.used_by import users_of_property

from . import uses
from .object_types import object_type
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Shape
from .views import AccountView

OPTIONS = "Of a choice or multiple choice: the values it may take, in the order of menus."
UNIQUE = "Whether two records may not have the same value, whatever its case."
DEFAULT = "What a new record gets that does not speak of it."


class PropertyShape(Shape):
    """A typed field of an object type."""

    id = serializers.IntegerField(read_only=True)
    object_type = serializers.CharField(source="object_type.key", default="contact")
    key = serializers.CharField(
        default="", help_text="Where records keep the value; never changes. Made of the label if left out."
    )
    label = serializers.CharField()  # type: ignore[assignment]  # Field has an attribute of this name
    type = serializers.ChoiceField(PropertyType.choices, help_text="Never changes.")
    options = serializers.ListField(child=serializers.CharField(), default=list, help_text=OPTIONS)
    description = serializers.CharField(allow_blank=True, default="")
    is_required = serializers.BooleanField(default=False, help_text="Whether no record may be without a value.")
    is_unique = serializers.BooleanField(default=False, help_text=UNIQUE)
    default = serializers.JSONField(default=None, allow_null=True, help_text=DEFAULT)
    archived_at = serializers.DateTimeField(read_only=True, allow_null=True)


class PropertyChange(Shape):
    """What may change about a property; what is left out stays as it is."""

    label = serializers.CharField(required=False)  # type: ignore[assignment]
    description = serializers.CharField(required=False, allow_blank=True)
    options = serializers.ListField(required=False, child=serializers.CharField(), help_text=OPTIONS)
    is_required = serializers.BooleanField(required=False)
    is_unique = serializers.BooleanField(required=False, help_text=UNIQUE)
    default = serializers.JSONField(required=False, allow_null=True, help_text=DEFAULT)


class PropertyQuery(PageQuery):
    """Which properties."""

    object_type = serializers.CharField(required=False, help_text="The key of an object type.")
    archived = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only archived ones, or only others; both if left out."
    )


class Properties(AccountView):
    """The fields that records have."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_SCHEMA}

    @endpoint("The properties of records", query=PropertyQuery, answers=paged(PropertyShape))
    def get(self, request: Request) -> Response:
        """Of one object type, or of all."""
        query = self.query(PropertyQuery)
        rows = Property.objects.select_related("object_type")
        if key := query.get("object_type"):
            rows = rows.filter(object_type=object_type("?object_type", key))
        if query["archived"] is not None:
            rows = rows.filter(archived_at__isnull=not query["archived"])
        return page(rows, request, query, show_properties)

    @endpoint("Add a property", takes=PropertyShape, answers=PropertyShape, status=201)
    def post(self, request: Request) -> Response:
        """Its key and type stay as they are made."""
        given = self.read(PropertyShape)
        of = object_type("object_type", given.pop("object_type")["key"])
        return Response(PropertyShape(add_property(of, **given)).data, status=201)


class OneProperty(AccountView):
    """A property."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_SCHEMA}

    @endpoint("A property", answers=PropertyShape)
    def get(self, request: Request, property_id: int) -> Response:
        """Also when it is archived."""
        return Response(PropertyShape(_find(property_id)).data)

    @endpoint("Change a property", takes=PropertyChange, answers=PropertyShape)
    def patch(self, request: Request, property_id: int) -> Response:
        """Records keep their values: an option that records, flows or lists name cannot be left out."""
        changed = change_property(_find(property_id), by=self.actor, **self.read(PropertyChange))
        return Response(PropertyShape(changed).data)


class ArchiveProperty(AccountView):
    """Putting a property away."""

    rights = {"POST": Right.EDIT_SCHEMA}

    @endpoint("Archive a property", answers=PropertyShape, idempotent=True)
    def post(self, request: Request, property_id: int) -> Response:
        """Records keep their values, and what uses it (see used-by) goes on with them."""
        chosen = _find(property_id)
        archive_property(chosen, by=self.actor)
        return Response(PropertyShape(chosen).data)


class RestoreProperty(AccountView):
    """Taking a property out again."""

    rights = {"POST": Right.EDIT_SCHEMA}

    @endpoint("Restore a property", answers=PropertyShape, idempotent=True)
    def post(self, request: Request, property_id: int) -> Response:
        """With the values that records have."""
        chosen = _find(property_id)
        restore_property(chosen, by=self.actor)
        return Response(PropertyShape(chosen).data)


class PropertyUsers(AccountView):
    """What uses a property."""

    rights = {"GET": Right.SEE}

    @endpoint("The flows, lists and imports that use a property", answers=uses.Uses)
    def get(self, request: Request, property_id: int) -> Response:
        """Ask before you archive it."""
        return Response(uses.show(users_of_property(_find(property_id)), self.actor))


def show_properties(rows: Sequence[Property]) -> Any:
    """Properties as the API shows them."""
    return PropertyShape(rows, many=True).data


def _find(property_id: int) -> Property:
    found: Property = Property.objects.select_related("object_type").get(pk=property_id)
    return found

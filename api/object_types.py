"""Object types and their properties."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records.models import ObjectType, Property, PropertyType
from records.schema import add_property

from .errors import Invalid
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Shape
from .views import AccountView


class ObjectTypeShape(Shape):
    """A kind of record: contact, company ..."""

    id = serializers.IntegerField(read_only=True)
    key = serializers.SlugField(max_length=40, help_text="How requests name it; never changes.")
    name = serializers.CharField(max_length=80)
    plural = serializers.CharField(max_length=80)


class PropertyShape(Shape):
    """A typed field of an object type."""

    id = serializers.IntegerField(read_only=True)
    object_type = serializers.CharField(source="object_type.key", default="contact")
    key = serializers.CharField(help_text="Where records keep the value; never changes.")
    label = serializers.CharField()  # type: ignore[assignment]  # Field has an attribute of this name
    type = serializers.ChoiceField(PropertyType.choices)
    options = serializers.ListField(child=serializers.CharField(), default=list, help_text="Of a choice.")
    description = serializers.CharField(allow_blank=True, default="")
    archived_at = serializers.DateTimeField(read_only=True, allow_null=True)


class PropertyQuery(PageQuery):
    """Which properties."""

    object_type = serializers.CharField(required=False, help_text="The key of an object type.")


class ObjectTypes(AccountView):
    """The kinds of records of the account."""

    rights = {"GET": Right.SEE, "POST": Right.ADMINISTER}

    @endpoint("The object types of the account", query=PageQuery, answers=paged(ObjectTypeShape))
    def get(self, request: Request) -> Response:
        """All kinds of records."""
        query = self.query(PageQuery)
        return page(ObjectType.objects.all(), request, query, lambda rows: ObjectTypeShape(rows, many=True).data)

    @endpoint("Add an object type", takes=ObjectTypeShape, answers=ObjectTypeShape, status=201)
    def post(self, request: Request) -> Response:
        """A kind of its own, without properties yet."""
        made = ObjectType.objects.create(**self.read(ObjectTypeShape))
        return Response(ObjectTypeShape(made).data, status=201)


class Properties(AccountView):
    """The fields that records have."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The properties of records", query=PropertyQuery, answers=paged(PropertyShape))
    def get(self, request: Request) -> Response:
        """Of one object type, or of all."""
        query = self.query(PropertyQuery)
        rows = Property.objects.select_related("object_type")
        if key := query.get("object_type"):
            rows = rows.filter(object_type=object_type("?object_type", key))
        return page(rows, request, query, show_properties)

    @endpoint("Add a property", takes=PropertyShape, answers=PropertyShape, status=201)
    def post(self, request: Request) -> Response:
        """Its key and type stay as they are made."""
        given = self.read(PropertyShape)
        of = object_type("object_type", given.pop("object_type")["key"])
        return Response(PropertyShape(add_property(of, **given)).data, status=201)


def show_properties(rows: Sequence[Property]) -> Any:
    """Properties as the API shows them."""
    return PropertyShape(rows, many=True).data


def object_type(path: str, key: str) -> ObjectType:
    """The object type that a request names at `path`; raises Invalid."""
    found: ObjectType | None = ObjectType.objects.filter(key=key).first()
    if found is None:
        raise Invalid((path, _("There is no such object type.")))
    return found

"""Object types."""

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records.models import ObjectType
from records.object_types import archive_object_type, create_object_type, rename_object_type, restore_object_type
from records.used_by import users_of_object_type

from . import uses
from .errors import Invalid
from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Shape
from .views import AccountView


class ObjectTypeShape(Shape):
    """A kind of record: contact, company ..."""

    id = serializers.IntegerField(read_only=True)
    key = serializers.CharField(
        required=False, max_length=40, help_text="How requests name it; never changes. Made of the name if left out."
    )
    name = serializers.CharField(max_length=80)
    plural = serializers.CharField(max_length=80)
    primary_label = serializers.CharField(
        write_only=True, required=False, max_length=120, help_text="What the property `name` is called."
    )
    is_custom = serializers.BooleanField(read_only=True)
    archived_at = serializers.DateTimeField(read_only=True, allow_null=True)


class ObjectTypeChange(Shape):
    """What may change about an object type."""

    name = serializers.CharField(max_length=80, required=False)
    plural = serializers.CharField(max_length=80, required=False)


class ObjectTypes(AccountView):
    """The kinds of records of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_SCHEMA}

    @endpoint("The object types of the account", query=PageQuery, answers=paged(ObjectTypeShape))
    def get(self, request: Request) -> Response:
        """All kinds of records."""
        query = self.query(PageQuery)
        return page(ObjectType.objects.all(), request, query, lambda rows: ObjectTypeShape(rows, many=True).data)

    @endpoint("Add an object type", takes=ObjectTypeShape, answers=ObjectTypeShape, status=201)
    def post(self, request: Request) -> Response:
        """A kind of its own, with the properties `name` and `owner`."""
        made = create_object_type(**self.read(ObjectTypeShape), by=self.actor)
        return Response(ObjectTypeShape(made).data, status=201)


class OneObjectType(AccountView):
    """A kind of record."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_SCHEMA}

    @endpoint("An object type", answers=ObjectTypeShape)
    def get(self, request: Request, type_id: int) -> Response:
        """Also when it is archived."""
        return Response(ObjectTypeShape(ObjectType.objects.get(pk=type_id)).data)

    @endpoint("Rename an object type", takes=ObjectTypeChange, answers=ObjectTypeShape)
    def patch(self, request: Request, type_id: int) -> Response:
        """Its key stays."""
        chosen = _held(type_id)
        given = {"name": chosen.name, "plural": chosen.plural, **self.read(ObjectTypeChange)}
        rename_object_type(chosen, **given, by=self.actor)
        return Response(ObjectTypeShape(chosen).data)


class ArchiveObjectType(AccountView):
    """Putting a kind of record away."""

    rights = {"POST": Right.EDIT_SCHEMA}

    @endpoint("Archive an object type", answers=ObjectTypeShape, idempotent=True)
    def post(self, request: Request, type_id: int) -> Response:
        """Its records stay. Refused with 409, and `used_by`, while flows, lists or imports are about them."""
        chosen = _held(type_id)
        archive_object_type(chosen, by=self.actor)
        return Response(ObjectTypeShape(chosen).data)


class RestoreObjectType(AccountView):
    """Taking a kind of record out again."""

    rights = {"POST": Right.EDIT_SCHEMA}

    @endpoint("Restore an object type", answers=ObjectTypeShape, idempotent=True)
    def post(self, request: Request, type_id: int) -> Response:
        """With its properties and records."""
        chosen = _held(type_id)
        restore_object_type(chosen, by=self.actor)
        return Response(ObjectTypeShape(chosen).data)


class ObjectTypeUsers(AccountView):
    """What uses an object type."""

    rights = {"GET": Right.SEE}

    @endpoint("The flows, lists and imports about an object type", answers=uses.Uses)
    def get(self, request: Request, type_id: int) -> Response:
        """While there are any, it cannot be archived."""
        return Response(uses.show(users_of_object_type(ObjectType.objects.get(pk=type_id)), self.actor))


def object_type(path: str, key: str) -> ObjectType:
    """The object type that a request names at `path`; raises Invalid."""
    found: ObjectType | None = ObjectType.objects.filter(key=key, archived_at=None).first()
    if found is None:
        raise Invalid((path, _("There is no such object type.")))
    return found


def _held(type_id: int) -> ObjectType:
    found: ObjectType = ObjectType.objects.select_for_update(no_key=True).get(pk=type_id)
    return found

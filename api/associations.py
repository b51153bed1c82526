"""What a record belongs with."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records import associations
from records.models import Association, Record

from .errors import Invalid
from .object_types import object_type
from .pagination import PageQuery, page
from .records import SOURCE
from .schema import endpoint, paged
from .shapes import Id, Shape
from .views import AccountView


class AssociationShape(Shape):
    """A record that belongs with another."""

    record = serializers.IntegerField(source="other_id", help_text="The associated record.")
    object_type = serializers.CharField(source="other_type.key")
    is_primary = serializers.BooleanField(help_text="The one of its type that counts first, such as the employer.")
    created_at = serializers.DateTimeField()


class NewAssociation(Shape):
    """A record to associate."""

    record = Id()
    is_primary = serializers.BooleanField(default=False)


class ChangedAssociation(Shape):
    """What of an association may change."""

    is_primary = serializers.BooleanField()


class AssociationQuery(PageQuery):
    """Which associations."""

    object_type = serializers.CharField(required=False, help_text="The key of the object type of the others.")


class Associations(AccountView):
    """The records that a record belongs with."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The records that a record belongs with", query=AssociationQuery, answers=paged(AssociationShape))
    def get(self, request: Request, record_id: int) -> Response:
        """By the ids of the others."""
        query = self.query(AssociationQuery)
        rows = Association.objects.filter(record=Record.objects.get(pk=record_id)).select_related("other_type")
        if key := query.get("object_type"):
            rows = rows.filter(other_type=object_type("?object_type", key))
        return page(rows, request, query, _show, order=("other_id",))

    @endpoint(
        "Associate a record with another",
        takes=NewAssociation,
        answers=AssociationShape,
        status=201,
        also={200: AssociationShape},
    )
    def post(self, request: Request, record_id: int) -> Response:
        """Seen from both sides at once. 200 when they belonged together already; a primary one takes over."""
        record = Record.objects.get(pk=record_id)
        given = self.read(NewAssociation)
        other = Record.objects.filter(pk=given["record"]).first()
        if other is None:
            raise Invalid(("record", str(associations.NO_SUCH_RECORD)))
        is_new = associations.associate(record, other, is_primary=given["is_primary"], by=self.actor, source=SOURCE)
        return Response(_show([_find(record_id, other.pk)])[0], status=201 if is_new else 200)


class OneAssociation(AccountView):
    """One record that a record belongs with."""

    rights = {"PATCH": Right.EDIT_CONTENT, "DELETE": Right.EDIT_CONTENT}

    @endpoint("Say whether an associated record is the primary one", takes=ChangedAssociation, answers=AssociationShape)
    def patch(self, request: Request, record_id: int, other_id: int) -> Response:
        """Of each object type at most one is; who was it before stays associated."""
        _find(record_id, other_id)
        record, other = Record.objects.get(pk=record_id), Record.objects.get(pk=other_id)
        is_primary = self.read(ChangedAssociation)["is_primary"]
        associations.set_primary(record, other, is_primary, by=self.actor, source=SOURCE)
        return Response(_show([_find(record_id, other_id)])[0])

    @endpoint("Let two records belong together no longer", status=204)
    def delete(self, request: Request, record_id: int, other_id: int) -> Response:
        """Both records stay."""
        if not associations.dissociate(record_id, other_id, by=self.actor, source=SOURCE):
            raise Association.DoesNotExist
        return Response(status=204)


def _find(record_id: int, other_id: int) -> Association:
    found: Association = Association.objects.select_related("other_type").get(record_id=record_id, other_id=other_id)
    return found


def _show(rows: Sequence[Association]) -> Any:
    return AssociationShape(rows, many=True).data

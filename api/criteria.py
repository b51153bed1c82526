"""Criteria while somebody writes them: what is wrong with them, what they say, whom they take now."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records import criteria, matching
from records.list_refresh import account_zone
from records.refusals import Invalid
from scheduling.clock import now

from .flow_documents import CRITERIA
from .object_types import object_type
from .schema import endpoint
from .shapes import Shape
from .views import AccountView


class CriteriaQuestion(Shape):
    """Criteria, and the records that they are about."""

    object_type = serializers.CharField(default="contact", help_text="The key of an object type.")
    criteria = serializers.JSONField(help_text=CRITERIA)


class NamedRecord(Shape):
    """A record by what people call it."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class CriteriaPreviewShape(Shape):
    """What criteria say, and whom they take now."""

    sentence = serializers.CharField(help_text="In the language of the request.")
    count = serializers.IntegerField(allow_null=True, help_text="Null: counting takes longer than two seconds.")
    sample = NamedRecord(many=True, help_text="The ten newest; none when finding them takes longer than that.")


class CriteriaPreview(AccountView):
    """Trying criteria."""

    rights = {"POST": Right.SEE}

    @endpoint("What criteria say, and whom they take now", takes=CriteriaQuestion, answers=CriteriaPreviewShape)
    def post(self, request: Request) -> Response:
        """Nothing is kept. Every fault is refused with its path, such as criteria.all.1.value."""
        given = self.read(CriteriaQuestion)
        tree, of = given["criteria"], object_type("object_type", given["object_type"])
        if faults := criteria.check(tree, of):
            raise Invalid(fault.under("criteria") for fault in faults)
        found = matching.look(tree, of, moment=now(), zone=account_zone())
        sample: list[dict[str, Any]] = [{"id": each.pk, "name": each.name} for each in found.sample]
        return Response({"sentence": criteria.describe(tree, of), "count": found.count, "sample": sample})

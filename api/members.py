"""The members of the account: who is meant where an answer names the id of an owner."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Member
from accounts.rights import Right, Role

from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Shape
from .views import AccountView


class MemberShape(Shape):
    """A person in the account."""

    id = serializers.IntegerField(help_text="What properties of the type owner hold.")
    name = serializers.CharField(source="user.name", help_text="Empty until the person has given one.")
    email = serializers.CharField(source="user.email")
    role = serializers.ChoiceField(Role.choices)


class Members(AccountView):
    """The members of the account."""

    rights = {"GET": Right.ADMINISTER}

    @endpoint("The members of the account", query=PageQuery, answers=paged(MemberShape))
    def get(self, request: Request) -> Response:
        """In the order they joined. People are invited, and get other roles, in the browser."""
        rows = Member.objects.select_related("user")
        return page(rows, request, self.query(PageQuery), lambda found: MemberShape(found, many=True).data)

"""Who may be written to: subscription types, and the addresses that get nothing more."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from messaging.models import SubscriptionType, Suppression

from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Shape
from .views import AccountView


class SubscriptionTypeShape(Shape):
    """What a person subscribes to: newsletter, product news ..."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=120)
    is_default = serializers.BooleanField(
        default=True, help_text="Consent alone covers it, until the person unsubscribes."
    )


class SuppressionShape(Shape):
    """An address that gets nothing more from this account."""

    id = serializers.IntegerField(read_only=True)
    address = serializers.EmailField(max_length=320)
    reason = serializers.CharField(read_only=True)
    at = serializers.DateTimeField(read_only=True)

    def validate_address(self, value: str) -> str:
        """As addresses are stored."""
        return value.strip().lower()


class SuppressionQuery(PageQuery):
    """Which suppressions."""

    address = serializers.CharField(required=False, max_length=320)


class SubscriptionTypes(AccountView):
    """The subscription types of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The subscription types of the account", query=PageQuery, answers=paged(SubscriptionTypeShape))
    def get(self, request: Request) -> Response:
        """In the order they were made."""
        query, rows = self.query(PageQuery), SubscriptionType.objects.all()
        return page(rows, request, query, lambda found: SubscriptionTypeShape(found, many=True).data)

    @endpoint("Add a subscription type", takes=SubscriptionTypeShape, answers=SubscriptionTypeShape, status=201)
    def post(self, request: Request) -> Response:
        """Flows choose one of them."""
        made = SubscriptionType.objects.create(**self.read(SubscriptionTypeShape))
        return Response(SubscriptionTypeShape(made).data, status=201)


class Suppressions(AccountView):
    """The suppressed addresses of the account."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The addresses that get nothing more", query=SuppressionQuery, answers=paged(SuppressionShape))
    def get(self, request: Request) -> Response:
        """In the order they were added."""
        query, rows = self.query(SuppressionQuery), Suppression.objects.all()
        if address := query.get("address"):
            rows = rows.filter(address=address.strip().lower())
        return page(rows, request, query, lambda found: SuppressionShape(found, many=True).data)

    @endpoint("Suppress an address", takes=SuppressionShape, answers=SuppressionShape, status=201)
    def post(self, request: Request) -> Response:
        """Nothing is sent to it any more, whatever the consent."""
        made = Suppression.objects.create(**self.read(SuppressionShape), reason="api")
        return Response(SuppressionShape(made).data, status=201)


class OneSuppression(AccountView):
    """A suppressed address."""

    rights = {"DELETE": Right.ADMINISTER}

    @endpoint("Let an address be written to again", status=204)
    def delete(self, request: Request, suppression_id: int) -> Response:
        """Consent and subscription are asked as for any other."""
        Suppression.objects.get(pk=suppression_id).delete()
        return Response(status=204)

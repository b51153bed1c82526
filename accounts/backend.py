"""Who a session belongs to, fetched once per request with all that the frame of a page asks about the person."""

from allauth.account.models import EmailAddress
from django.contrib.auth.backends import ModelBackend
from django.db.models import Exists, OuterRef

from .models import User


class Backend(ModelBackend):
    """Password against the address; `user.is_unverified` says that the address still has to be confirmed."""

    def get_user(self, user_id: int) -> User | None:
        """The person of a session, unless they were switched off."""
        # No row counts as unconfirmed: a person may have been made without one.
        confirmed = EmailAddress.objects.filter(user=OuterRef("pk"), email=OuterRef("email"), verified=True)
        user = User.objects.annotate(is_unverified=~Exists(confirmed)).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

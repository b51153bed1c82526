"""Who calls: an API key becomes an actor in one account, and each method of a view names the right it needs."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.rights import NEEDS
from accounts.sign_in import KEY_PREFIX, key_actor

if TYPE_CHECKING:  # REST framework reads its settings, and so this module, while it makes APIView
    from rest_framework.views import APIView

BAD_HEADER = _("Send the key as: Authorization: Bearer flyt_...")
BAD_KEY = _("There is no such key, or it is revoked or expired.")


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer flyt_...`; `request.user` is then an Actor."""

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        """The actor of the key; None without the header; raises AuthenticationFailed for anything else."""
        header = get_authorization_header(request)
        if not header:
            return None
        scheme, _space, secret = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not secret.startswith(KEY_PREFIX):
            raise AuthenticationFailed(BAD_HEADER)
        actor = key_actor(secret.strip())
        if actor is None:
            raise AuthenticationFailed(BAD_KEY)
        return actor, None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 tells the caller to send."""
        return 'Bearer realm="Flyt"'


class HasRight(BasePermission):
    """Asks `view.rights` for the right of the method. A handler without one is closed to everybody."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """True when the actor may; what no handler answers passes, to be refused as 405. Nobody: NotAuthenticated."""
        if not isinstance(request.user, Actor):
            raise NotAuthenticated(BAD_HEADER)
        method = "GET" if request.method == "HEAD" else request.method or ""
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True
        right = getattr(view, "rights", {}).get(method)
        if right is None:
            return False
        self.message = NEEDS[right]
        return request.user.may(right)

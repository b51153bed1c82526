"""What every view of the API stands on: the account's scope around its work, and one way to read and to answer."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.actors import Actor, read_by
from accounts.rights import Right
from accounts.tenancy import account_scope

from . import errors
from .idempotency import Replay, Reservation, reserve
from .parsing import JsonParser
from .schema import ApiSchema

WITH_BODY = ("POST", "PUT", "PATCH")


class _Undone(Exception):
    """Carries the response of an error out of the scope, so that leaving it takes everything back."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response


class AccountView(APIView):
    """Works in the scope of the caller's account: one transaction, rolled back whenever the answer is an error.

    The answer is rendered inside the scope. The `Idempotency-Key` of a POST is kept in the same transaction.
    `rights` names the right that each method needs; a handler without one is closed to everybody.
    """

    parser_classes: Any = (JsonParser,)
    schema = ApiSchema()
    rights: ClassVar[Mapping[str, Right]] = {}

    _scope: ExitStack
    _reservation: Reservation | None = None

    @property
    def actor(self) -> Actor:
        """Who calls."""
        assert isinstance(self.request.user, Actor)
        return self.request.user

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run the handler inside the scope that `initial` opens once the caller is known."""
        try:
            with ExitStack() as self._scope:
                response = render(super().dispatch(request, *args, **kwargs))
                if response.status_code >= 400:
                    raise _Undone(response)
                if self._reservation:
                    self._reservation.keep(response)
                return response
        except _Undone as undone:
            response = undone.response
        except Exception as error:  # the end of the scope: a deferred constraint, a lost connection
            answer = self.handle_exception(error)
            response = render(self.finalize_response(self.request, answer))
        if self._reservation and not self._reservation.in_scope:
            self._reservation.release()
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate and check rights, open the scope, and give the answer again to a key that had one."""
        super().initial(request, *args, **kwargs)
        if request.method in WITH_BODY and hasattr(self, request.method.lower()):
            request.data  # noqa: B018  # read to its end here: a slow sender must not hold a transaction open
        self._scope.enter_context(read_by(self.actor))
        is_scoped = self.is_scoped(request)
        if is_scoped:
            self._scope.enter_context(self.scope())
        self._reservation = reserve(request, self.actor.account_id, in_scope=is_scoped)

    def handle_exception(self, exc: Exception) -> Response:
        """The answer given before, or that of errors.py."""
        return exc.response if isinstance(exc, Replay) else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What one key may read is kept by nobody in between."""
        response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)

    def is_scoped(self, request: Request) -> bool:
        """Whether the handler of this request runs inside the scope."""
        return True

    def scope(self) -> AbstractContextManager[None]:
        """The scope of the caller's account."""
        return account_scope(self.actor.account_id)

    def read(self, shape: type[Serializer[Any]], **options: Any) -> dict[str, Any]:
        """The body as `shape` reads it; raises ValidationError."""
        serializer = shape(data=self.request.data, **options)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def query(self, shape: type[Serializer[Any]]) -> dict[str, Any]:
        """The parameters behind the question mark as `shape` reads them; raises Invalid with paths like "?limit"."""
        serializer = shape(data=self.request.query_params.dict())
        if not serializer.is_valid():
            raise errors.Invalid(*((f"?{path}", text) for path, text in errors.flatten(serializer.errors)))
        return dict(serializer.validated_data)


class VerbView(AccountView):
    """Reads in the scope; any other method calls a verb, which opens a durable scope of its own.

    Such a handler fetches and renders in scopes of its own: `with self.scope(): ...`.
    """

    def is_scoped(self, request: Request) -> bool:
        """Only what reads."""
        return request.method in SAFE_METHODS


class UnknownAddress(APIView):
    """Answers every path that no other view answers."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """404, whatever the method."""
        return errors.not_found(request)


def render(response: HttpResponseBase) -> HttpResponseBase:
    """The response with its content made, if it is of the kind that makes it late."""
    return response.render() if isinstance(response, Response) else response

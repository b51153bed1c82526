"""What can go wrong, as problem+json (RFC 9457): one place that turns every exception into an answer."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, is_dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.response import Response

from accounts.history import NotAllowed
from accounts.retries import is_worth_another_try
from records import refusals
from scheduling.reading import ReadingError

logger = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
Problem = dict[str, Any]
TAKEN = {  # unique constraints that a caller can meet, and the field to change
    "object_type_key_once_per_account": "key",
    "property_key_once_per_object_type": "key",
    "list_name_once_per_account": "name",
    "list_folder_name_once_per_account": "name",
    "external_id_once_per_object_type": "external_id",
    "subscription_type_once_per_account": "name",
    "address_suppressed_once": "address",
}


class Invalid(ReadingError):
    """A request that cannot be used, with every fault as (path, message)."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__(list(errors))


class Refused(APIException):
    """A refusal that has a status and a code of its own."""

    def __init__(self, status: int, code: str, detail: str, **members: Any) -> None:
        super().__init__(detail, code)
        self.status_code, self.code, self.members = status, code, members


def problem(status: int, code: str, detail: str, **members: Any) -> Problem:
    """The body of an error."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **members,
    }


def answer(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The response to an exception that left a view (the EXCEPTION_HANDLER of REST framework)."""
    for kind, describe in _ANSWERS:
        if isinstance(exc, kind) and (body := describe(exc)):
            return respond(body, headers=_headers(exc))
    if is_worth_another_try(exc):
        body = problem(
            503, "try_again", _("Somebody else was changing the same things. Nothing was changed: try again.")
        )
        return respond(body, headers={"Retry-After": "1"})
    logger.error("API request failed", exc_info=exc)
    return respond(problem(500, "internal_error", _("Something went wrong here. Nothing was changed.")))


def respond(body: Problem, *, headers: dict[str, str] | None = None) -> Response:
    """A response with this problem."""
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The answer outside any view (handler404) to a path under /api/ that does not exist."""
    return JsonResponse(unknown_address(request.path), status=404, content_type=PROBLEM)


def server_error(request: HttpRequest) -> HttpResponse:
    """The answer outside any view (handler500) to a failure under /api/."""
    body = problem(500, "internal_error", _("Something went wrong here."))
    return JsonResponse(body, status=500, content_type=PROBLEM)


def unknown_address(path: str) -> Problem:
    """The problem of a path that no view answers."""
    detail = _("There is nothing at {path}. Addresses end with a slash; see /api/v1/docs/.")
    return problem(404, "not_found", detail.format(path=path))


def _invalid(exc: ReadingError) -> Problem:
    errors = [{"path": path, "message": message} for path, message in exc.errors]
    return problem(422, "invalid", _("The request cannot be used as it is: see errors."), errors=errors)


def _refused(exc: refusals.Invalid) -> Problem:
    return _invalid(Invalid(*((error.path, error.message) for error in exc.errors)))


def _validation(exc: ValidationError) -> Problem:
    return _invalid(Invalid(*flatten(exc.detail)))


def flatten(detail: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The faults of a serializer as (path, message)."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from flatten(inner, path if key == "non_field_errors" else _join(path, str(key)))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            is_message = isinstance(inner, str)
            yield from flatten(inner, path if is_message else _join(path, str(index)))
    else:
        yield path, force_str(detail)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _not_allowed(exc: NotAllowed) -> Problem:
    body = problem(409, exc.code, force_str(exc.message))
    # A flow's status would hide the status of the answer: it goes by the name current_status.
    return body | {f"current_{name}" if name in body else name: _plain(value) for name, value in exc.detail.items()}


def _plain(value: object) -> object:
    """What a refusal tells beside its sentence, as JSON can hold it."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _taken(exc: IntegrityError) -> Problem | None:
    """A value that may be there once; only the database knows without a race. None for any other violation."""
    diagnostics = getattr(exc.__cause__, "diag", None)
    path = TAKEN.get(getattr(diagnostics, "constraint_name", None) or "")
    return _invalid(Invalid((path, _("This is taken already.")))) if path else None


def _missing(exc: Exception) -> Problem:
    return problem(404, "not_found", _("There is no such thing in this account."))


def _too_large(exc: Exception) -> Problem:
    return problem(413, "too_large", _("The request is too large: send it in several parts."))


def _too_deep(exc: Exception) -> Problem:
    return problem(422, "too_deep", _("The document is nested too deeply."), errors=[])


def _suspicious(exc: Exception) -> Problem:
    return problem(400, "bad_request", _("The request cannot be read."))


def _forbidden(exc: Exception) -> Problem:
    return problem(403, "forbidden", _("You may not do this."))


def _api_exception(exc: APIException) -> Problem:
    detail = exc.detail
    code = getattr(exc, "code", None) or getattr(detail, "code", None) or exc.default_code
    text = force_str(detail) if isinstance(detail, ErrorDetail | str) else force_str(exc.default_detail)
    return problem(exc.status_code, str(code), text, **getattr(exc, "members", {}))


def _headers(exc: Exception) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


_ANSWERS: list[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Any], Problem | None]]] = [
    (ReadingError, _invalid),
    (refusals.Invalid, _refused),
    (IntegrityError, _taken),
    (ValidationError, _validation),
    (NotAllowed, _not_allowed),
    ((ObjectDoesNotExist, Http404), _missing),
    (RequestDataTooBig, _too_large),
    (RecursionError, _too_deep),
    (SuspiciousOperation, _suspicious),
    (DjangoPermissionDenied, _forbidden),
    (APIException, _api_exception),
]

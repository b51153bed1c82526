"""What a page says when something cannot be done: one place that turns every refusal into an answer.

A full page, or for htmx a toast beside what is on the screen; under /api/ what api/errors.py answers.
"""

import logging
import secrets

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.history import NotAllowed
from accounts.rights import NEEDS, Right

logger = logging.getLogger(__name__)

TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request itself is broken, not what it asks for. 413 when it is only too large."""
    if isinstance(exception, TOO_LARGE):
        return too_large(request, exception)
    return answer(request, 400, _("That request was not right"), _("Go back, reload the page and try once more."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: the person is known, and may not."""
    return answer(request, 403, _("You may not do that"), _("Ask an admin of the account."))


def right_missing(request: HttpRequest, right: Right) -> HttpResponse:
    """403 that names the role it takes."""
    return answer(request, 403, _("You may not do that"), str(NEEDS[right]))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form is not one that this browser was given, mostly because it is old."""
    return answer(
        request,
        403,
        _("This page is too old"),
        _("Nothing was changed. Reload the page and do it again; cookies must be allowed."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: not here, or not for this person: the answer does not tell which."""
    return answer(
        request,
        404,
        _("There is nothing here"),
        _(
            "The page may have been deleted, or it belongs to another account. If someone sent you the link, "
            "ask them which account it is in."
        ),
    )


def refused(request: HttpRequest, error: NotAllowed) -> HttpResponse:
    """409: a verb that is not possible now, with its reason and what stops it."""
    problems = error.detail.get("problems", [])
    return answer(request, 409, _("Not possible now"), error.message, problems=problems)


def too_large(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """413: more than the server takes."""
    return answer(request, 413, _("That is too large"), _("Send less at once. Nothing was changed."))


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """429: more often than anybody needs."""
    return answer(request, 429, _("Too often"), _("Wait a few minutes, then try again. Nothing was changed."))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault. Rendered without the frame, which may be what is broken."""
    number = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}"
    logger.error("error %s: %s %s", number, request.method, request.path)
    page = {
        "status": 500,
        "title": _("That did not work"),
        "message": _("The fault is ours. Nothing was changed. Flows go on running."),
        "number": number,
        "again": request.get_full_path() if request.method == "GET" else "",
    }
    if request.headers.get("HX-Request"):
        return _as_toast(HttpResponse(render_to_string("errors/_toast.html", page), status=500))
    return HttpResponse(render_to_string("errors/page.html", page), status=500)


def answer(
    request: HttpRequest, status: int, title: str, message: str, *, problems: list[object] | None = None
) -> HttpResponse:
    """The page or toast of an error. `problems` have a `message` each."""
    page = {"status": status, "title": title, "message": message, "problems": problems or []}
    if request.headers.get("HX-Request"):
        return _as_toast(render(request, "errors/_toast.html", page, status=status))
    return render(request, "errors/page.html", page, status=status)


def _as_toast(response: HttpResponse) -> HttpResponse:
    """Leave what htmx asked for as it stands, and put this beside it."""
    response["HX-Retarget"] = "#toasts"
    response["HX-Reswap"] = "beforeend"
    return response

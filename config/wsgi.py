"""The web process, as gunicorn loads it."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
TAKEN = {"utf-8", "utf8", "us-ascii", "ascii"}
REFUSED = b"Send it in UTF-8. Nothing was changed.\n"


def in_utf8(application: Application) -> Application:
    """Refuses with 415 what says that it is written in anything but UTF-8.

    Django reads even the address with whichever codec of Python the header names, before any code of ours: there are
    some that do not decode text, and some whose text cannot be written into an answer.
    """

    def asked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _charset(environ.get("CONTENT_TYPE", "")) in TAKEN:
            return application(environ, start_response)
        start_response("415 Unsupported Media Type", [("Content-Type", "text/plain; charset=utf-8")])
        return [REFUSED]

    return asked


def _charset(content_type: str) -> str:
    """What the header names, UTF-8 when nothing; "" when it cannot be read."""
    try:
        return str(parse_header_parameters(content_type)[1].get("charset", "utf-8")).lower()
    except (LookupError, ValueError):
        return ""


application = in_utf8(get_wsgi_application())

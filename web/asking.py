"""A question before something happens: a dialog where htmx asks for it, and a page of its own without scripts."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

DIALOG = "components/_ask.html"
PAGE = "components/ask.html"


def ask(
    request: HttpRequest,
    *,
    title: str,
    verb: str,
    back: str,
    text: str = "",
    is_dangerous: bool = False,
    body: str = "",
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Ask whether to `verb`, which posts to this address. `body` is a template with fields, given `context`.

    `back` is where Cancel leads on a page of its own. Without a `verb` there is nothing to do but to read it.
    """
    question = {"title": title, "text": text, "verb": verb, "is_dangerous": is_dangerous, "body": body, "back": back}
    is_dialog = bool(getattr(request, "htmx", False)) and status == 200
    page = {"ask": {**question, "action": request.get_full_path(), "is_dialog": is_dialog}, **context}
    return render(request, DIALOG if is_dialog else PAGE, page, status=status)

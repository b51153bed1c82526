"""Where the links of messages lead: on to the address that was clicked, and out of the mailings.

Nobody signs in here: the token in the address says who and what. Mail programs and scanners fetch links with GET and
HEAD, so only a POST unsubscribes.
"""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from messaging import tracking

View = Callable[[HttpRequest, str], HttpResponse]


def _public(view: View) -> View:
    """Answer a broken token with 404, and keep the token out of caches, search engines and the next site's logs."""

    @wraps(view)
    def answer(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = view(request, token)
        except tracking.BadToken:
            response = render(request, "track/broken.html", status=404)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return never_cache(answer)


@require_safe
@_public
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Count the click and go on. HEAD looks where the link leads without counting."""
    is_look = request.method == "HEAD"
    return HttpResponseRedirect(tracking.target(token) if is_look else tracking.clicked(token))


@csrf_exempt  # mail programs post here by themselves (RFC 8058); the token is the permission
@require_http_methods(["GET", "HEAD", "POST"])
@_public
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, unless it is done already; POST does: this type of message, or with `scope=everything` all of them."""
    if request.method == "POST":
        scope = request.POST.get("scope", tracking.THIS_TYPE)
        about = tracking.unsubscribe(token, scope)
    else:
        about = tracking.invitation(token)
        scope = tracking.is_out_of(about)
        if not scope:
            return render(request, "track/unsubscribe.html", {"about": about})
    everything = scope == tracking.EVERYTHING or not about.type_name
    return render(request, "track/unsubscribed.html", {"about": about, "everything": everything})

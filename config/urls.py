"""Every address: the JSON edge, the HTML edge, and what is answered where neither has anything.

`/healthz` and `/readyz` are answered before any of these, by web/health.py.
"""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from api import errors as api_errors
from web import errors as web_errors

API = "/api/"

urlpatterns = [
    path("api/v1/", include("api.urls")),
    path("", include("web.person_urls")),
    path("", include("web.urls")),
]

handler400 = web_errors.bad_request
handler403 = web_errors.forbidden
handler404 = "config.urls.not_found"
handler429 = "web.errors.too_many"  # allauth asks for it
handler500 = "config.urls.server_error"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the language of the edge that was asked."""
    edge = api_errors if request.path.startswith(API) else web_errors
    return edge.not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 in the language of the edge that was asked."""
    edge = api_errors if request.path.startswith(API) else web_errors
    return edge.server_error(request)

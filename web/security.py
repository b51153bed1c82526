"""What a page may load and do: nothing inline, nothing from elsewhere."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]
HEADER = "Content-Security-Policy"

PAGE = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # data: is the tick of a checked box
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",  # a mail of the local inbox
        "form-action 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)

# A mail shown as its reader saw it. Mails are styled inline; the sandbox takes scripts, forms and our origin away,
# also when someone opens the address on its own. A link opens in a tab outside the sandbox.
MAIL = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src 'self' data:",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)

# A content as its writer previews it: the same, with the pictures that the writer put in.
PREVIEW = MAIL.replace("img-src 'self' data:", "img-src 'self' data: https: http:")


class ContentSecurityPolicyMiddleware:
    """Gives every response the policy of a page, unless its view has set another."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the header."""
        response = self.get_response(request)
        response.headers.setdefault(HEADER, PAGE)
        return response

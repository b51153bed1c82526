"""Django and what a matcher needs, loaded once in the process from which the matchers come."""

import django

django.setup()

from participants import waking  # noqa: E402, F401
from records import list_refresh  # noqa: E402, F401
from triggers import matching  # noqa: E402, F401

"""The mail server of these tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from devstack.ports import free_port
from tests.messaging.post import Running, Server


@pytest.fixture
def smtp(settings: Any) -> Iterator[Server]:
    """A mail server, which the settings name."""
    server = Server()
    running = Running(server, free_port())
    running.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = running.hostname, running.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_SSL = settings.EMAIL_USE_TLS = False
    yield server
    server.goes_on.set()
    running.stop(no_assert=True)

"""What the web process answers before Django reads the request."""

from io import BytesIO
from typing import Any

import pytest

from config.wsgi import application


def ask(content_type: str, query: str = "next=%2B2AA-") -> str:
    """The status of the login page's answer."""
    told: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/login/",
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.input": BytesIO(),
        "wsgi.url_scheme": "http",
    }
    b"".join(application(environ, lambda status, headers: told.extend([status, headers])))
    return str(told[0])


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["hex", "utf-7", "unicode_escape", "rot13", "nothing"])
def test_another_character_set_is_refused_before_anything_is_decoded_with_it(charset: str) -> None:
    assert ask(f"text/plain; charset={charset}").startswith("415 ")
    assert ask(f"text/plain; CharSet*=utf-8''{charset}").startswith("415 ")


@pytest.mark.django_db
def test_a_header_that_cannot_be_read_is_refused() -> None:
    assert ask("text/plain; charset*=nothing''utf-8").startswith("415 ")


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "text/plain", "text/plain; charset=UTF-8", 'text/plain; charset="us-ascii"'])
def test_utf8_is_read(header: str) -> None:
    assert ask(header).startswith("200 ")

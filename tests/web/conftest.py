"""Browsers of people in several roles, and a cache that belongs to one test."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts.models import Account, Member, User
from accounts.rights import Role
from accounts.tenancy import account_scope
from devstack.ports import free_port
from tests.messaging.post import Mail, Running, Server

PASSWORD = "a long enough word"
_numbers = count(1)

Browsers = Callable[..., Client]


@pytest.fixture(autouse=True)
def _own_cache(settings) -> Iterator[None]:  # type: ignore[no-untyped-def]
    """Signs of life and failed log-ins of one test are not another's."""
    default = {**settings.CACHES["default"], "KEY_PREFIX": f"test-{uuid4().hex}"}
    settings.CACHES = {"default": default}
    yield


@pytest.fixture
def smtp(settings) -> Iterator[Server]:  # type: ignore[no-untyped-def]
    """A real mail server, which Flyt's own mail goes to."""
    server = Server()
    running = Running(server, free_port())
    running.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = running.hostname, running.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_SSL = settings.EMAIL_USE_TLS = False
    yield server
    running.stop(no_assert=True)


def link_in(mail: Mail) -> str:
    """The path of the one link in a mail."""
    (address,) = re.findall(rf"{settings.SITE_URL}(/\S+)", mail.part("plain"))
    return str(address)


def make_person(email: str = "", **fields: object) -> User:
    """Somebody who can sign in with `PASSWORD`."""
    number = next(_numbers)
    return User.objects.create(email=email or f"person-{number}@example.com", password=_hashed(), **fields)


@cache
def _hashed() -> str:
    """Once for all of them: a good hash is slow."""
    return make_password(PASSWORD)


def make_member(account: Account, role: str = Role.OWNER, *, user: User | None = None) -> User:
    """Somebody who works in `account`."""
    user = user or make_person()
    with account_scope(account.pk):
        Member.objects.create(user=user, role=role)
    return user


@pytest.fixture
def browser_of() -> Browsers:
    """A function that gives a signed-in browser of a new member of an account."""

    def make(account: Account, role: str = Role.OWNER) -> Client:
        client = Client()
        client.force_login(make_member(account, role))
        return client

    return make


@pytest.fixture
def member(acme: Account, browser_of: Browsers) -> Client:
    """An owner in Acme."""
    return browser_of(acme)


@pytest.fixture
def stranger(globex: Account, browser_of: Browsers) -> Client:
    """An owner in Globex, who must see nothing of Acme."""
    return browser_of(globex)


@pytest.fixture
def nobody(db: None) -> Client:
    """A browser that is not signed in."""
    return Client()

"""Callers of the API: keys of Acme in several roles, a key of Globex, and nobody."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import Account
from accounts.rights import Role
from accounts.sign_in import make_key
from accounts.tenancy import account_scope
from tests import make

API = "/api/v1"


def client_of(account: Account, role: str = Role.OWNER) -> APIClient:
    """A caller with a new key of `account`."""
    with account_scope(account.pk):
        make.make_object_type()
        _key, secret = make_key(f"Key of {account.slug}", role)
    return client_with(secret)


def client_with(secret: str) -> APIClient:
    """A caller with this key; speaks JSON."""
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}", SERVER_NAME="localhost")
    client.default_format = "json"
    return client


@pytest.fixture
def nobody() -> APIClient:
    """A caller without a key."""
    client = APIClient(SERVER_NAME="localhost")
    client.default_format = "json"
    return client


@pytest.fixture
def api(acme: Account) -> APIClient:
    """The owner's key of Acme."""
    return client_of(acme)


@pytest.fixture
def stranger(globex: Account) -> APIClient:
    """The owner's key of Globex."""
    return client_of(globex)


@pytest.fixture
def as_role(acme: Account) -> Callable[[str], APIClient]:
    """Keys of Acme by role."""
    return lambda role: client_of(acme, role)

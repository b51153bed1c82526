"""An account with its built-in object types, and a scope that is open for the whole test."""

from collections.abc import Iterator

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope
from records.models import ObjectType
from records.schema import ensure_object_types


@pytest.fixture
def inside_acme(acme: Account) -> Iterator[Account]:
    """Acme, with its scope open."""
    with account_scope(acme.pk):
        yield acme


@pytest.fixture
def contact(inside_acme: Account) -> ObjectType:
    """Contacts of Acme, whose scope is open."""
    ensure_object_types()
    return ObjectType.objects.get(key="contact")

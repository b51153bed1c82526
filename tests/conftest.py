"""The cast and the stage: two accounts that must never meet, the real database, and the test clock."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils.translation import trans_real
from playwright.sync_api import expect

from accounts import tenancy
from accounts.actors import Actor
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import every_account
from tests.live import Live

# Milliseconds until a page must show what is expected of it; on a busy machine it takes its time.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    """Compiled, and read anew by a process that looked for them before they were there."""
    call_command("compile_translations", verbosity=0)
    trans_real._translations = {}
    trans_real._default = None


@pytest.fixture
def acme(db: None) -> Account:
    """The account that tests work in."""
    return make_account("Acme", "acme")


@pytest.fixture
def globex(db: None) -> Account:
    """The other account, which must see nothing of it."""
    return make_account("Globex", "globex")


@pytest.fixture
def owner(acme: Account) -> Actor:
    """Someone in Acme who may do everything."""
    return Actor(account_id=acme.pk, role=Role.OWNER, name="Olga Owner")


def make_account(name: str, slug: str) -> Account:
    """An account with the built-in object types."""
    with every_account():
        return Account.objects.create(name=name, slug=slug)


@pytest.fixture
def in_acme(acme: Account) -> Iterator[Account]:
    """The test's body sees Acme's rows, and may still call verbs that insist on their own durable scope."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('flyt.account', %s, true)", [str(acme.pk)])
    token = tenancy._current.set(acme.pk)
    yield acme
    tenancy._current.reset(token)


@pytest.fixture(scope="session")
def running_flyt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Real web, workers, beat, SMTP, database and broker, once for all that ask. The clock only ever goes ahead."""
    running = Live(tmp_path_factory.mktemp("live"))
    yield running
    running.stop()


@pytest.fixture
def live(running_flyt: Live) -> Live:
    """A whole Flyt with an empty inbox."""
    running_flyt.forget_mails()
    return running_flyt

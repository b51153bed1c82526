"""The whole rule that keeps accounts apart, as code sees it: scopes, the managers that insist on one, the one escape.

Wall 1 is here: a query outside a scope raises `NoCurrentAccount`, inside one it is filtered.
Wall 2 is PostgreSQL's row-level security (`accounts/row_security.py`, `config/database`): a connection works in a
role that sees no account's row until a scope sets the account for the current transaction.
Wall 3 keeps references inside one account: composite foreign keys, made by `accounts/row_security.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Final, cast

from django.db import connection, models, transaction


class NoCurrentAccount(RuntimeError):
    """A query about account-owned rows outside `account_scope()`."""


class _EveryAccount:
    def __repr__(self) -> str:
        return "every account"


EVERY_ACCOUNT: Final = _EveryAccount()
_current: ContextVar[int | _EveryAccount | None] = ContextVar("account", default=None)


def current_account_id() -> int:
    """The id of the account whose scope is open; raises `NoCurrentAccount` without one."""
    account = _current.get()
    if not isinstance(account, int):
        raise NoCurrentAccount("Open account_scope(account) first: this work belongs to one account.")
    return account


@contextmanager
def account_scope(account_id: int, *, durable: bool = False) -> Iterator[None]:
    """One transaction in which exactly this account's rows exist.

    Nested scopes restore the outer account on leaving. `durable=True` insists on being the outermost transaction,
    so that leaving the scope commits.
    """
    with (
        transaction.atomic(durable=durable),
        _set("flyt.account", str(int(account_id)), int(account_id)),
    ):
        yield


@contextmanager
def every_account() -> Iterator[None]:
    """Work as the owner, who sees every account. Its callers are listed in tests/rules/test_every_account.py.

    For migrations, sweeps across accounts and compiled criteria (under row security a condition that is not
    leakproof cannot use its index). Whoever calls it names the account in every table of its SQL.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select session_user::text")
        owner = cursor.fetchone()[0]
        with _set("role", owner, EVERY_ACCOUNT):
            yield


@contextmanager
def _set(name: str, value: str, account: int | _EveryAccount) -> Iterator[None]:
    """Set a transaction-local setting and the context, and put both back on leaving.

    Inside an outer transaction (a nested scope, a test) a savepoint takes the setting back on an error, and leaving
    in good order sets the previous value again: resetting to empty would leak or lock out the outer scope.
    """
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(current_setting(%s, true), '')", [name])
        before = cursor.fetchone()[0]
        token: Token[int | _EveryAccount | None] = _current.set(account)
        try:
            with transaction.atomic():
                cursor.execute("select set_config(%s, %s, true)", [name, value])
                yield
                cursor.execute("select set_config(%s, %s, true)", [name, before])
        finally:
            _current.reset(token)


class AccountQuerySet(models.QuerySet[Any]):
    """A queryset of account-owned rows."""


class AccountManager(models.Manager.from_queryset(AccountQuerySet)):  # type: ignore[misc]
    """Refuses to answer outside a scope, and answers for that account only inside one."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Rows of the current account; every row inside `every_account()`; `NoCurrentAccount` otherwise."""
        queryset = cast("models.QuerySet[Any]", super().get_queryset())
        if _current.get() is EVERY_ACCOUNT:
            return queryset
        return queryset.filter(account_id=current_account_id())


class AccountModel(models.Model):
    """A row that belongs to one account. Its migration calls `row_security.protect(table)`."""

    account = models.ForeignKey(
        "accounts.Account",
        on_delete=models.DO_NOTHING,
        default=current_account_id,
        editable=False,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )

    objects = AccountManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

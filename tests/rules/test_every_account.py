"""The ways past row security are few, and each is known."""

import ast
import re
from collections.abc import Iterable
from typing import Final

from .sources import Source, functions, sources

ESCAPES: Final = {"every_account", "as_owner", "ask_as_owner"}

# Before a member or key is known: from a person, a presented key, a link or a name to the account.
SIGN_IN = {
    "accounts/invitations.py: find",
    "accounts/sign_in.py: accounts_of",
    "accounts/sign_in.py: member_actor",
    "accounts/sign_in.py: key_actor",
}
# The clock's look across accounts: what is due where.
SWEEPS = {
    "api/tasks.py: prune_idempotency_keys",
    "messaging/claims.py: _accounts",
    "participants/log_pruning.py: due",
    "participants/tasks.py: dispatch",
    "records/erasing.py: to_do",
    "records/list_deletion.py: to_clear_away",
    "records/list_refresh.py: due",
    "records/pruning.py: _delete",
    "records/tasks.py: discard_forgotten_drafts",
    "records/tasks.py: resume_imports",
    "records/tasks.py: roll_up_list_sizes",
    "running/deletion.py: to_purge",
    "running/ending.py: to_empty",
    "running/engine_status.py: status",
    "running/stuck.py: latest",
    "running/stuck.py: look",
    "running/tasks.py: roll_up_counts",
    "triggers/firing.py: fire_due",
    "triggers/occurrences.py: to_do",
    "triggers/tasks.py: accounts_with_events",
}
# An operator's command.
COMMANDS = {
    "accounts/management/commands/migrate.py: Command.handle",
    "accounts/management/commands/prepare_database.py: Command.handle",
    "participants/management/commands/check_counts.py: Command.handle",
    "records/management/commands/check_lists.py: Command.handle",
    "running/management/commands/engine.py: Command.handle",
    "web/management/commands/make_demo.py: Command.handle",
    "web/opening.py: _make",
}
# Compiled criteria, bound to their account in every table: row security would keep them from their indexes.
CRITERIA = {
    "records/matching.py: _ask",
    "records/searching.py: ask_as_owner",
    "records/searching.py: count",
    "records/searching.py: ids",
    "records/searching.py: sorted_places",
    "participants/searching.py: ids",
}
# How the escape itself works, and truncating between tests.
INSIDE = {"config/database/base.py: DatabaseOperations.execute_sql_flush"}
KNOWN: Final = SIGN_IN | SWEEPS | COMMANDS | CRITERIA | INSIDE

# The words with which SQL would step out of the role or into another account, and who may say them.
WORDS: Final = {"set role", "reset role", "set_config", "session authorization", "row security off", "flyt.account"}
MAY_SAY_THEM: Final = {
    "accounts/tenancy.py",
    "accounts/row_security.py",
    "config/database/base.py",
}
PATIENCE: Final = re.compile(r"set_config\('(lock|statement)_timeout'")


def escapes(of: Iterable[Source]) -> set[str]:
    """Every mention of an escape outside an import, as "file: function"."""
    return {
        f"{source.path}: {name}"
        for source in of
        for name, node in functions(source.tree)
        if (isinstance(node, ast.Name) and node.id in ESCAPES)
        or (isinstance(node, ast.Attribute) and node.attr in ESCAPES | {"EVERY_ACCOUNT"})
        or (isinstance(node, ast.ImportFrom) and any(alias.name in ESCAPES and alias.asname for alias in node.names))
    }


def sayings(of: Iterable[Source]) -> list[str]:
    """The texts outside those files that step out of the role by SQL."""
    return [
        f"{source.path}: {word}"
        for source in of
        if source.path not in MAY_SAY_THEM
        for text in source.strings
        for word in sorted(WORDS)
        if word in _plain(text)
    ]


def _plain(text: str) -> str:
    """In lower case, with single spaces, and without how long to wait, which anybody may say."""
    words = PATIENCE.sub("", text.lower()).replace("row_security", "row security").replace("=", " ")
    return " ".join(words.split())


def test_the_callers_of_the_escape_are_exactly_the_known_ones() -> None:
    assert escapes(sources()) == KNOWN


def test_a_new_caller_of_the_escape_is_caught() -> None:
    planted = [
        Source(
            "web/a.py", "from accounts.tenancy import every_account\nclass V:\n  def all(self):\n    every_account()"
        ),
        Source("web/b.py", "from accounts.tenancy import every_account as everything"),
        Source("web/c.py", "from accounts import tenancy\ndef f(): return tenancy._current.set(tenancy.EVERY_ACCOUNT)"),
        Source("web/d.py", "from django.db import connection\nwith connection.as_owner(): pass"),
    ]
    assert escapes(planted) == {"web/a.py: V.all", "web/b.py: ", "web/c.py: f", "web/d.py: "}


def test_only_tenancy_and_the_database_backend_change_the_role_or_the_account() -> None:
    assert sayings(sources()) == []


def test_sql_that_changes_the_role_is_caught() -> None:
    planted = Source("records/a.py", 'X = "SET  ROLE none"\nY = "set row_security = off"')
    assert sayings([planted]) == ["records/a.py: set role", "records/a.py: row security off"]
    assert sayings([Source("records/a.py", "X = \"select set_config('role', %s, true)\"")]) != []
    assert sayings([Source("records/a.py", "X = \"select set_config('lock_timeout', %s, true)\"")]) == []

"""What a migration writes beside its tables: row-level security, and references that cannot cross accounts.

A new account-owned table needs one line in its own migration: `*protect("records_record")`. A foreign key between
account-owned definition tables needs `same_account("flows_step", "flow_id", "flows_flow")`. Tests ask pg_class and
pg_constraint whether every table has them.
"""

from django.db import migrations

ACCOUNT = "(select nullif(current_setting('flyt.account', true), '')::bigint)"


def protect(*tables: str) -> list[migrations.RunSQL]:
    """Rows of `tables` exist only for the account of the current scope (the owner role is exempt)."""
    return [
        migrations.RunSQL(
            f"""
            alter table {table} enable row level security;
            create policy same_account on {table} using (account_id = {ACCOUNT}) with check (account_id = {ACCOUNT});
            """,
            f"drop policy same_account on {table}; alter table {table} disable row level security;",
        )
        for table in tables
    ]


def same_account(table: str, column: str, target: str, *, on_delete: str = "no action") -> migrations.RunSQL:
    """`table.column` may only name a row of `target` in the same account.

    `target` needs a unique (account_id, id), see `identify()`. A plain foreign key would accept another account's
    row: PostgreSQL checks references without row-level security.
    """
    name = f"{table}_{column}_same_account"
    return migrations.RunSQL(
        f"""alter table {table} add constraint {name} foreign key (account_id, {column})
            references {target} (account_id, id) on delete {on_delete} deferrable initially deferred""",
        f"alter table {table} drop constraint {name}",
    )


def identify(*tables: str) -> list[migrations.RunSQL]:
    """Give `tables` the unique (account_id, id) that `same_account()` refers to."""
    return [
        migrations.RunSQL(
            f"alter table {table} add constraint {table}_account_id_id unique (account_id, id)",
            f"alter table {table} drop constraint {table}_account_id_id",
        )
        for table in tables
    ]

"""Every table that belongs to an account stands behind the three walls, as the database itself says."""

from typing import Any, Final

import pytest
from django.apps import apps
from django.db import connection, models

from accounts.tenancy import AccountManager, AccountModel, NoCurrentAccount

from .sources import PRODUCT

NOT_OWNED: Final = {
    "accounts.Account": "the tenant itself",
    "accounts.User": "a person, who may be a member of several accounts",
    "accounts.User_groups": "Django's table, unused",
    "accounts.User_user_permissions": "Django's table, unused",
    "scheduling.ClockOffset": "one test clock for the installation",
}

NOT_ACCOUNT_FIRST: Final = {
    "accounts_apikey (digest)": "a presented key names its account",
    "accounts_invitation (token_digest)": "the token in a link names its account",
    "flows_flow (outbox_id)": "one to one, and outbox_id is kept in its account by a composite key",
    "triggers_schedule (trigger_id)": "one to one, and trigger_id is kept in its account by a composite key",
}

# Ids come from sequences and are unique across accounts, so a key that begins with one cannot collide.
BEGINS_WITH_AN_ID: Final = {
    "flows_exclusionlist (flow_id, list_id)",
    "participants_flowaddress (flow_id, address)",
    "participants_steplog (participant_id, hop)",
    "records_association (record_id, other_id)",
    "records_eventpending (event_id)",
    "records_importfile (source_id, piece)",
    "records_listentry (list_id, record_id)",
    "records_refusedrow (source_id, row)",
    "records_uniquevalue (property_id, value)",
}

# Rows of these are written a thousand at a time by set statements that name the account in every table; a foreign
# key would cost a third of the speed (DESIGN, section 6).
NO_COMPOSITE_KEY: Final = {
    "messaging_message.content_id": "a big table",
    "messaging_message.outbox_id": "a big table",
    "messaging_message.record_id": "a big table",
    "messaging_subscription.record_id": "records are a big table, without the unique key this needs",
    "participants_intake.record_id": "records are a big table, without the unique key this needs",
    "participants_participant.flow_id": "a big table",
    "participants_participant.record_id": "a big table",
    "records_association.other_id": "a big table",
    "records_association.other_type_id": "a big table",
    "records_association.record_id": "a big table",
    "records_event.record_id": "a big table",
    "records_eventpending.event_id": "a big table",
    "records_listentry.record_id": "a big table",
    "records_listtally.list_id": "a big table while many add to one list",
}

BARE_IDS: Final = {
    "accounts_history.subject_id": "of any kind of row; stays when the row has gone",
    "messaging_content.flow_id": "points up the ladder",
    "messaging_message.about_id": "a big table; the record that the person is written to about",
    "messaging_message.flow_id": "points up the ladder; stays when the flow has gone",
    "participants_counter.flow_id": "a big table",
    "participants_counter.step_id": "a big table",
    "participants_flowaddress.flow_id": "a big table",
    "participants_intake.participant_id": "a big table",
    "participants_listenrolment.list_id": "stays, with its name, when the list has gone",
    "participants_longestdue.flow_id": "a look of operators, replaced by the next",
    "participants_longestdue.participant_id": "a look of operators, replaced by the next",
    "participants_flowaddress.participant_id": "a big table",
    "participants_participant.occurrence_id": "points up the ladder",
    "participants_participant.step_id": "a big table",
    "participants_steplog.branch_id": "a big table",
    "participants_steplog.flow_id": "a big table",
    "participants_steplog.participant_id": "a big table",
    "participants_steplog.step_id": "a big table",
    "participants_tally.flow_id": "a big table",
    "participants_tally.step_id": "a big table",
    "records_erasure.record_id": "a big table; stays a while when the record has gone",
    "records_eventclientid.event_id": "a big table",
    "records_event.flow_id": "points up the ladder; stays when the flow has gone",
    "records_record.import_id": "a big table; stays when the import has gone",
    "records_uniquevalue.record_id": "a big table",
    "triggers_eventsetaside.event_id": "a big table; stays a while when the event has gone",
    "triggers_occurrence.upper_id": "the highest record id when it fired, not a reference",
}

MODELS: Final = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in PRODUCT]
OWNED: Final = [model for model in MODELS if issubclass(model, AccountModel)]
OWN_ROWS_ONLY = (
    "(account_id = ( SELECT (NULLIF(current_setting('flyt.account'::text, true), ''::text))::bigint AS \"nullif\"))"
)

UNPROTECTED = """
select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id'
left join pg_policies p on p.schemaname = 'public' and p.tablename = c.relname
where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
group by c.relname, c.relrowsecurity
having not (c.relrowsecurity and count(p.policyname) = 1 and coalesce(bool_and(
  p.policyname = 'same_account' and p.permissive = 'PERMISSIVE' and p.cmd = 'ALL' and p.roles = '{public}'
  and p.qual = %(own)s and p.with_check = %(own)s), false))
order by 1
"""
UNIQUE_KEYS = """
select i.indrelid::regclass || ' (' || string_agg(a.attname, ', ' order by k.place) || ')', i.indisprimary
from pg_index i
cross join unnest(i.indkey) with ordinality k(number, place)
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
where i.indisunique
  and exists (select from pg_attribute o where o.attrelid = i.indrelid and o.attname = 'account_id')
group by i.indexrelid, i.indrelid, i.indisprimary
having (array_agg(a.attname order by k.place))[1] <> 'account_id' and array_agg(a.attname::text) <> '{id}'
"""
COMPOSITE_KEYS = """
select c.conrelid::regclass || '.' || a.attname, c.confrelid::regclass::text
from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[2]
where c.contype = 'f' and c.conname = c.conrelid::regclass || '_' || a.attname || '_same_account'
  and c.convalidated and c.condeferrable and c.condeferred
  and (select attname from pg_attribute where attrelid = c.conrelid and attnum = c.conkey[1]) = 'account_id'
  and (select attname from pg_attribute where attrelid = c.confrelid and attnum = c.confkey[1]) = 'account_id'
  and (select attname from pg_attribute where attrelid = c.confrelid and attnum = c.confkey[2]) = 'id'
"""


def ask(query: str, **params: object) -> list[tuple[Any, ...]]:
    """The rows of a query about the catalogue."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())


def run(statement: str) -> None:
    """Change the schema, for as long as the test lasts."""
    with connection.as_owner(), connection.cursor() as cursor:
        cursor.execute(statement)


def unprotected() -> list[str]:
    """Tables with an account_id that lack row security, or whose only policy is not ours."""
    return [name for (name,) in ask(UNPROTECTED, own=OWN_ROWS_ONLY)]


def loose_keys() -> set[str]:
    """Unique keys, primary ones apart, that another account's row could collide with."""
    return {name for name, is_primary in ask(UNIQUE_KEYS) if not is_primary}


def uncomposed() -> set[str]:
    """References between account-owned tables that no composite key keeps inside the account."""
    composite = {str(column): str(target) for column, target in ask(COMPOSITE_KEYS)}
    return {
        f"{model._meta.db_table}.{field.column}"
        for model, field in references()
        if composite.get(f"{model._meta.db_table}.{field.column}") != field.related_model._meta.db_table
    }


def references() -> list[tuple[type[models.Model], Any]]:
    """Foreign keys between account-owned models."""
    return [
        (model, field)
        for model in OWNED
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and isinstance(field.related_model, type)
        and issubclass(field.related_model, AccountModel)
    ]


def test_every_model_belongs_to_an_account_or_is_listed_with_its_reason() -> None:
    assert {model._meta.label for model in MODELS if model not in OWNED} == set(NOT_OWNED)


def test_every_model_keeps_the_manager_that_insists_on_a_scope() -> None:
    for model in OWNED:
        for manager in (model._default_manager, model._base_manager):
            assert isinstance(manager, AccountManager), f"{model._meta.label}: {manager!r}"
            with pytest.raises(NoCurrentAccount):
                manager.all()


def test_every_owned_table_shows_only_rows_of_the_scopes_account(db: None) -> None:
    assert unprotected() == []


@pytest.mark.parametrize(
    "hole",
    [
        "alter table records_list disable row level security",
        "drop policy same_account on records_list",
        "create policy also on records_list using (true)",
        "alter policy same_account on records_list using (true)",
        "alter policy same_account on records_list with check (true)",
        "alter policy same_account on records_list to flyt_tenant",
    ],
)
def test_a_hole_in_row_security_is_caught(db: None, hole: str) -> None:
    run(hole)
    assert unprotected() == ["records_list"]


def test_a_new_table_without_row_security_is_caught(db: None) -> None:
    run("create table records_note (id bigint primary key, account_id bigint)")
    assert unprotected() == ["records_note"]


def test_unique_keys_begin_with_the_account(db: None) -> None:
    assert loose_keys() == set(NOT_ACCOUNT_FIRST)


def test_a_unique_key_across_accounts_is_caught(db: None) -> None:
    run("create unique index on records_list (name)")
    assert "records_list (name)" in loose_keys()


def test_primary_keys_are_an_id_or_begin_with_the_account_or_another_rows_id(db: None) -> None:
    assert {name for name, is_primary in ask(UNIQUE_KEYS) if is_primary} == BEGINS_WITH_AN_ID


def test_references_cannot_cross_accounts(db: None) -> None:
    assert uncomposed() == set(NO_COMPOSITE_KEY)


def test_a_reference_without_its_composite_key_is_caught(db: None) -> None:
    run("alter table flows_step drop constraint flows_step_flow_id_same_account")
    assert "flows_step.flow_id" in uncomposed()


def test_ids_that_are_no_reference_are_listed_with_their_reason() -> None:
    found = {
        f"{model._meta.db_table}.{field.column}"
        for model in OWNED
        for field in model._meta.get_fields()
        if isinstance(field, models.BigIntegerField) and not field.primary_key and field.column.endswith("_id")
    }
    assert found == set(BARE_IDS)

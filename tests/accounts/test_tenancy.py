"""Three walls between accounts, each tested with the others out of the way."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts.models import Account
from accounts.tenancy import NoCurrentAccount, account_scope, current_account_id, every_account
from records.models import List, ObjectType, Record
from tests.make import make_contact, make_flow, make_object_type

COUNT = "select count(*) from records_record"


def sql(statement: str, *params: object) -> object:
    """The first value of a statement's answer, past every manager."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchone()[0] if cursor.description else None


@pytest.fixture
def both(acme: Account, globex: Account) -> tuple[Account, Account]:
    """A contact in each account."""
    for account in (acme, globex):
        with account_scope(account.pk):
            make_contact(f"someone@{account.slug}.example")
    return acme, globex


def test_a_query_outside_a_scope_is_refused(acme: Account) -> None:
    for ask in (Record.objects.count, Record.objects.exists, Record.objects.first, Record.objects.all):
        with pytest.raises(NoCurrentAccount):
            ask()


def test_a_reverse_manager_outside_a_scope_is_refused(acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make_flow()
    with pytest.raises(NoCurrentAccount):
        flow.steps.count()


def test_saving_a_row_outside_a_scope_is_refused(acme: Account) -> None:
    with account_scope(acme.pk):
        contact = make_contact()
    with pytest.raises(NoCurrentAccount):
        contact.save(update_fields=["former_employee"])


def test_a_manager_shows_one_account_even_to_the_owner_of_the_tables(both: tuple[Account, Account]) -> None:
    acme, _globex = both
    with account_scope(acme.pk), connection.as_owner():
        assert sql(COUNT) == 2, "without row security both are there"
        assert Record.objects.count() == 1


@pytest.mark.parametrize("database", ["db", "transactional_db"])
def test_raw_sql_outside_a_scope_finds_no_row(database: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(database)
    both = request.getfixturevalue("both")
    assert sql(COUNT) == 0
    with account_scope(both[0].pk):
        assert sql(COUNT) == 1
    assert sql(COUNT) == 0


def test_row_security_hides_rows_that_raw_sql_asks_for_by_id(both: tuple[Account, Account]) -> None:
    acme, globex = both
    with account_scope(globex.pk):
        theirs = Record.objects.get().pk
    with account_scope(acme.pk):
        assert sql("select count(*) from records_record where id = %s", theirs) == 0
        with connection.cursor() as cursor:
            cursor.execute("update records_record set former_employee = true where id = %s", [theirs])
            assert cursor.rowcount == 0
            cursor.execute("delete from records_record where id = %s", [theirs])
            assert cursor.rowcount == 0


def test_a_row_for_another_account_cannot_be_written(both: tuple[Account, Account]) -> None:
    acme, globex = both
    with account_scope(acme.pk):
        contact = make_object_type()
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Record.objects.create(account_id=globex.pk, object_type=contact)


def test_a_nested_scope_gives_the_outer_account_back(both: tuple[Account, Account]) -> None:
    acme, globex = both
    with account_scope(acme.pk):
        with account_scope(globex.pk):
            assert sql("select email from records_record") == "someone@globex.example"
            assert current_account_id() == globex.pk
        assert sql("select email from records_record") == "someone@acme.example"
        assert current_account_id() == acme.pk


def test_a_nested_scope_that_raises_gives_the_outer_account_back(both: tuple[Account, Account]) -> None:
    acme, globex = both
    with account_scope(acme.pk):
        with pytest.raises(ZeroDivisionError), account_scope(globex.pk):
            make_contact()
            raise ZeroDivisionError
        assert sql("select email from records_record") == "someone@acme.example"
    with account_scope(globex.pk):
        assert Record.objects.count() == 1, "what the raising scope wrote is gone"


def test_a_database_error_inside_a_scope_leaves_the_connection_closed(both: tuple[Account, Account]) -> None:
    acme, _globex = both
    with pytest.raises(ProgrammingError), account_scope(acme.pk):
        sql("select no_such_column from records_record")
    assert sql(COUNT) == 0


def test_every_account_sees_all_and_then_nothing(both: tuple[Account, Account]) -> None:
    with every_account():
        assert Record.objects.count() == 2
    assert sql(COUNT) == 0
    with pytest.raises(ZeroDivisionError), every_account():
        raise ZeroDivisionError
    assert sql(COUNT) == 0


def test_every_account_inside_a_scope_gives_the_scope_back(both: tuple[Account, Account]) -> None:
    acme, _globex = both
    with account_scope(acme.pk):
        with every_account():
            assert sql(COUNT) == 2
        assert sql(COUNT) == 1
        with account_scope(both[1].pk):
            assert sql(COUNT) == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_starts_closed(both: tuple[Account, Account]) -> None:
    connection.close()
    assert sql(COUNT) == 0
    assert sql("select current_user::text") == connection.restricted_role


@pytest.mark.django_db(transaction=True)
def test_the_account_does_not_outlive_the_transaction(both: tuple[Account, Account]) -> None:
    with account_scope(both[0].pk):
        pass
    assert sql("select coalesce(current_setting('flyt.account', true), '')") == ""


@pytest.mark.django_db(transaction=True)
def test_a_reference_to_another_accounts_row_is_refused_at_commit(both: tuple[Account, Account]) -> None:
    acme, globex = both
    with account_scope(globex.pk):
        theirs = ObjectType.objects.get(key="contact").pk
    with pytest.raises(IntegrityError, match="same_account"), account_scope(acme.pk):
        List.objects.create(name="Stolen", object_type_id=theirs)
    with account_scope(acme.pk):
        assert not List.objects.exists()


def test_the_restricted_role_owns_nothing_and_is_no_superuser(db: None) -> None:
    role = connection.restricted_role
    assert (
        sql("select count(*) from pg_class where relowner = (select oid from pg_roles where rolname = %s)", role) == 0
    )
    assert sql("select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = %s", role) is False


def test_equal_ids_in_two_accounts_do_not_meet(acme: Account, globex: Account) -> None:
    """Ids are unique across accounts, so the same external id is what both can have."""
    for account in (acme, globex):
        with account_scope(account.pk):
            make_contact("same@example.com", external_id="1")
    with account_scope(acme.pk):
        assert Record.objects.get(external_id="1").account_id == acme.pk

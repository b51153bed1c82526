"""Chunks of an account's records: counted along its own, and found without passing those that are done."""

import json

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope, current_account_id, every_account
from records import chunks
from records.chunks import chunk_end
from records.models import ObjectType, Record
from tests.make import make_contact, make_contacts, make_object_type

pytestmark = pytest.mark.django_db
MANY = """
insert into records_record (account_id, object_type_id, properties, consent, former_employee, created_at, updated_at)
select account_id, object_type_id, properties, consent, former_employee, created_at, updated_at
from records_record, generate_series(1, %s) where account_id = %s
"""


def test_chunks_are_counted_along_the_accounts_own_records_of_the_type(acme: Account, globex: Account) -> None:
    mine = []
    for _number in range(5):
        with account_scope(globex.pk):
            make_contacts(3)
        with account_scope(acme.pk):
            mine.append(make_contact().pk)
    with account_scope(acme.pk):
        contact = make_object_type()
        assert chunk_end(contact.pk, after=0, last=mine[-1], size=2) == mine[1]
        assert chunk_end(contact.pk, after=mine[1], last=mine[-1], size=2) == mine[3]
        assert chunk_end(contact.pk, after=mine[3], last=mine[-1], size=2) is None
        assert chunk_end(contact.pk, after=0, last=mine[2], size=3) == mine[2]
        assert chunk_end(contact.pk, after=0, last=mine[2], size=4) is None
        assert chunk_end(make_object_type("company").pk, after=0, last=mine[-1], size=1) is None


def test_a_late_chunk_is_found_as_fast_as_an_early_one(acme: Account, globex: Account) -> None:
    for account in (globex, acme):
        with account_scope(account.pk):
            make_contact()
            with connection.cursor() as cursor:
                cursor.execute(MANY, [30_000, account.pk])
    with every_account(), connection.cursor() as cursor:
        cursor.execute("analyze records_record")
    with account_scope(acme.pk):
        contact, last = make_object_type(), Record.objects.latest("pk").pk
        early, late = (blocks_read(contact, after=after, last=last) for after in (0, last - 150))
    assert early < 30 and late <= early + 5, (early, late)


def blocks_read(contact: ObjectType, *, after: int, last: int) -> int:
    """How many blocks finding the end of a chunk of a hundred looks at, under row security."""
    params = {"account": current_account_id(), "object_type": contact.pk, "after": after, "last": last, "skip": 99}
    with connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, buffers, format json) {chunks.END}", params)
        plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    found = plan[0]["Plan"]
    return int(found["Shared Hit Blocks"] + found["Shared Read Blocks"])

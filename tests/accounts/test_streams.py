"""A streamed answer is consumed after its view has returned: it opens a scope for each piece, never across one."""

from collections.abc import Iterator

import pytest
from django.http import StreamingHttpResponse

from accounts.models import Account
from accounts.tenancy import NoCurrentAccount, account_scope, current_account_id
from records.models import Record
from tests.make import make_contacts


@pytest.fixture
def both(acme: Account, globex: Account) -> tuple[Account, Account]:
    """Five contacts in Acme, three in Globex."""
    for account, n in ((acme, 5), (globex, 3)):
        with account_scope(account.pk):
            make_contacts(n)
    return acme, globex


def pieces(account_id: int, *, size: int = 2) -> Iterator[list[int]]:
    """The ids of an account's records, `size` at a time, as an export streams them."""
    last = 0
    while True:
        with account_scope(account_id):
            ids = list(Record.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:size])
        if not ids:
            return
        last = ids[-1]
        yield ids


def ids_of(account: Account) -> list[int]:
    """Every record id of an account."""
    with account_scope(account.pk):
        return list(Record.objects.order_by("pk").values_list("pk", flat=True))


def test_a_stream_gives_its_accounts_rows_after_the_view_has_returned(both: tuple[Account, Account]) -> None:
    acme, _globex = both
    with account_scope(acme.pk):
        response = StreamingHttpResponse(f"{id}\n" for ids in pieces(acme.pk) for id in ids)
    assert response.getvalue().decode().split() == [str(id) for id in ids_of(acme)]


def test_a_stream_has_no_scope_open_between_two_pieces(both: tuple[Account, Account]) -> None:
    stream = pieces(both[0].pk)
    for _ in range(2):
        next(stream)
        with pytest.raises(NoCurrentAccount):
            current_account_id()


def test_streams_of_two_accounts_consumed_in_turns_do_not_meet(both: tuple[Account, Account]) -> None:
    acme, globex = both
    streams = {account.pk: pieces(account.pk, size=1) for account in both}
    seen: dict[int, list[int]] = {acme.pk: [], globex.pk: []}
    while streams:
        for account_id, stream in list(streams.items()):
            piece = next(stream, None)
            if piece is None:
                del streams[account_id]
            else:
                seen[account_id] += piece
    assert seen == {acme.pk: ids_of(acme), globex.pk: ids_of(globex)}


def test_a_stream_consumed_inside_another_accounts_scope_keeps_to_its_own(both: tuple[Account, Account]) -> None:
    acme, globex = both
    with account_scope(globex.pk):
        assert [id for ids in pieces(acme.pk) for id in ids] == ids_of(acme)
        assert current_account_id() == globex.pk


def test_a_stream_without_a_scope_of_its_own_is_refused(both: tuple[Account, Account]) -> None:
    with account_scope(both[0].pk):
        stream = (record.pk for _ in range(1) for record in Record.objects.all())
    with pytest.raises(NoCurrentAccount):
        next(stream)


def test_a_stream_that_nobody_reads_to_its_end_leaves_nothing_open(both: tuple[Account, Account]) -> None:
    stream = pieces(both[0].pk)
    next(stream)
    stream.close()
    with pytest.raises(NoCurrentAccount):
        current_account_id()

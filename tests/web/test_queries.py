"""The number of queries of every page: fixed, whatever there is in the account."""

from pathlib import Path
from typing import Final

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import invitations
from accounts.actors import Actor
from accounts.models import Account, Member
from accounts.rights import Role
from accounts.sign_in import make_key
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus, Folder
from records.models import Import, ListEntry, ObjectType, Record
from tests.make import EVERY_RECORD, make_contacts, make_content, make_flow, make_list, make_participant
from tests.web.conftest import make_person
from tests.web.test_addresses import Visit, go, visits
from tests.web.test_inbox import put_mail

__all__ = ["visits"]

MANY: Final = 12
MOST: Final = 65


def test_no_page_asks_more_often_because_there_is_more(
    member: Client, acme: Account, visits: dict[str, Visit], tmp_path: Path
) -> None:
    with account_scope(acme.pk):
        more(acme, 1)
    pages = {name: visit for name, visit in visits.items() if visit.method == "get" and visit.answer == 200}
    few = {name: queries(member, name, visit) for name, visit in pages.items()}
    with account_scope(acme.pk):
        more(acme, MANY)
    for _ in range(MANY):
        put_mail(tmp_path, acme)
    grown = {name: (n, queries(member, name, pages[name])) for name, n in few.items()}
    assert {name: pair for name, pair in grown.items() if pair[0] != pair[1]} == {}
    assert {name: n for name, n in few.items() if n > MOST} == {}


def queries(client: Client, name: str, visit: Visit) -> int:
    """How many a page takes when it is opened again."""
    go(client, name, visit)
    with CaptureQueriesContext(connection) as asked:
        assert go(client, name, visit).status_code == 200
    return len(asked)


def more(account: Account, times: int) -> None:
    """So many more of everything that some page lists."""
    contact = ObjectType.objects.get(key="contact")
    known, some = Record.objects.get(pk=min(Record.objects.values_list("pk", flat=True))), make_list()
    running = list(Flow.objects.filter(status=FlowStatus.RUNNING))
    for number, record in enumerate(make_contacts(times, country="Norway")):
        for flow in running:
            make_participant(flow, record)
        for flow in (
            make_flow([{"split": [(EVERY_RECORD, ["send_email", "wait 1 days"])]}], name=f"Flow {times}-{number}"),
            make_flow(["wait 1 days"], schedule={"frequency": "daily"}, status=FlowStatus.RUNNING),
        ):
            make_participant(flow, known)
        Folder.objects.create(name=f"Folder {times}-{number}")
        make_content(f"Letter {times}-{number}")
        ListEntry.objects.create(list=make_list(f"One more {times}-{number}"), record=known)
        ListEntry.objects.create(list=some, record=record)
        Import.objects.create(
            name=f"{times}-{number}", object_type=contact, mapping={}, encoding="utf-8", delimiter=","
        )
        Member.objects.create(user=make_person())
        make_key(f"Key {times}-{number}", Role.VIEWER)
        invitations.invite(f"more-{times}-{number}@example.com", Role.VIEWER, by=Actor.flyt(account.pk))

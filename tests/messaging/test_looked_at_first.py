"""A letter that was kept back waits for the engine's look at its person, whichever of the two comes first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope, every_account
from messaging.delivery import deliver
from messaging.models import Message
from participants import enrolment
from participants.models import Participant
from records import lists
from records.models import List, Record
from records.upserts import upsert
from running import verbs
from scheduling import clock
from tests.make import make_contact, make_flow, make_list
from tests.messaging.post import Server
from tests.walking import walk
from triggers import matching

pytestmark = pytest.mark.django_db(transaction=True)


def exclude(person: Record) -> None:
    lists.add(List.objects.get(), [person.pk])


def meet_unenrolment(person: Record) -> None:
    row = {"id": person.pk, "properties": {"city": "Bergen"}}
    upsert(person.object_type, [row], match_on="id", source="test")


@contextmanager
def nobody_can_be_dropped() -> Iterator[None]:
    """A trigger stands for whatever a look may fail at."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute("""
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'never'; end $$;
            create trigger refuse before update on participants_participant for each row
              when (new.status = 'dropped_out') execute function refuse();
        """)
    try:
        yield
    finally:
        with every_account(), connection.cursor() as cursor:
            cursor.execute("drop trigger refuse on participants_participant; drop function refuse()")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("happens", [exclude, meet_unenrolment])
def test_whoever_is_out_when_the_flow_goes_on_gets_no_letter(
    acme: Account, smtp: Server, happens: Callable[[Record], None], fails: bool
) -> None:
    by = Actor(acme.pk, Role.OWNER, "Olga")
    with account_scope(acme.pk):
        unenrolment = {"all": [{"property": "city", "operator": "eq", "value": "Bergen"}]}
        flow = make_flow(["send_email"], unenrolment=unenrolment)
        flow.exclusion_lists.create(list=make_list("No letters"))
        out, stays = make_contact("out@example.com", city="Oslo"), make_contact("stays@example.com", city="Oslo")
    verbs.start(acme.pk, flow.pk, by=by)
    enrolment.enrol_records(acme.pk, flow.pk, [out.pk, stays.pk], by=by)
    walk(flow)
    verbs.pause(acme.pk, flow.pk, by=by)
    with account_scope(acme.pk, durable=True):
        happens(out)
    while matching.match(acme.pk):
        pass
    verbs.resume(acme.pk, flow.pk, by=by)

    if fails:
        with nobody_can_be_dropped():
            walk(flow)
    while deliver(acme.pk):  # before the engine, or before it tries again
        pass
    assert [to for mail in smtp.mails for to in mail.to] == ["stays@example.com"]
    clock.forward(timedelta(seconds=11))
    walk(flow)
    deliver(acme.pk)
    assert len(smtp.mails) == 1
    with account_scope(acme.pk):
        assert list(Message.objects.order_by("pk").values_list("status", flat=True)) == ["cancelled", "sent"]
        assert Participant.objects.get(record=out).status == "dropped_out"

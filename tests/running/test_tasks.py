"""Finding the flows that have ended and still hold somebody."""

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import every_account
from flows.models import FlowStatus
from messaging.models import Message, MessageStatus
from participants.models import Intake
from running import ending
from running.tasks import ENDING_FLOWS
from tests.make import make_contact, make_content, make_flow, make_participant

pytestmark = pytest.mark.django_db


def found(sql: str) -> list[int]:
    """The ids of the flows that a look across accounts finds."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute(sql)
        return sorted(row[1] for row in cursor.fetchall())


def test_a_flow_that_has_ended_is_found_as_long_as_it_holds_somebody_or_something(in_acme: Account) -> None:
    person, content = make_contact(), make_content()
    with_person, with_intake, queued, sending, empty = (make_flow() for _ in range(5))
    make_participant(with_person, person)
    Intake.objects.create(flow=with_intake, record=person, cause="list", cause_key="list:1:a")
    for flow, status in (
        (queued, MessageStatus.QUEUED),
        (sending, MessageStatus.SENDING),
        (empty, MessageStatus.SENT),
        (empty, MessageStatus.CANCELLED),
    ):
        Message.objects.create(
            outbox=flow.outbox, origin_key=f"{flow.pk}:{status}", record=person, content=content, status=status
        )
    make_participant(empty, person, status="finished")
    make_participant(make_flow(status=FlowStatus.PAUSED), person)
    assert found(ENDING_FLOWS) == [with_person.pk, with_intake.pk, queued.pk, sending.pk]


def test_a_flow_that_holds_nobody_is_left_by_nobody(in_acme: Account) -> None:
    """The page that asks before an end says "nobody is in it" by this."""
    flow = make_flow()
    assert not ending.left(flow.pk)
    make_participant(flow)
    assert ending.left(flow.pk) == ending.Left(participants=1, messages=0)
    assert ending.left(flow.pk)

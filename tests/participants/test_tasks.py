"""Finding the flows that have work."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import every_account
from participants.models import Participant
from participants.tasks import DUE_FLOWS
from scheduling import clock
from tests.make import make_contact, make_flow, make_participant

pytestmark = pytest.mark.django_db


def test_a_running_flow_is_found_when_somebody_in_it_is_due(in_acme: Account) -> None:
    person, tomorrow = make_contact(), clock.now() + timedelta(days=1)
    due, woken_only, waits, paused = (make_flow(status=each) for each in ("running", "running", "running", "paused"))
    starts_tomorrow = make_flow(status="running", starts_at=tomorrow)
    for flow in (due, woken_only, waits, paused, starts_tomorrow):
        make_participant(flow, person)
    Participant.objects.filter(flow=woken_only).update(due_at=None)
    Participant.objects.filter(flow=waits).update(due_at=tomorrow)
    with every_account(), connection.cursor() as cursor:
        cursor.execute(DUE_FLOWS, {"now": clock.now()})
        assert cursor.fetchall() == [(in_acme.pk, due.pk)]

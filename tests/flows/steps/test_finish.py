"""Finish: the end."""

import pytest

from accounts.models import Account
from flows.models import FlowStatus
from flows.steps import KINDS
from flows.steps.base import SettingsError
from tests.make import (
    make_flow,
    make_participant,
    steps_of,
)
from tests.walking import check_counts, walk

pytestmark = pytest.mark.django_db


def test_whoever_arrives_has_finished(in_acme: Account) -> None:
    flow = make_flow(["finish"], status=FlowStatus.RUNNING)
    arrived = make_participant(flow, step=steps_of(flow, "finish")[0])
    walk(flow)
    arrived.refresh_from_db()
    assert (arrived.status, arrived.due_at, arrived.ended_at is not None) == ("finished", None, True)
    assert check_counts(flow).completed == 1


def test_there_is_nothing_to_set(in_acme: Account) -> None:
    kind, flow = KINDS["finish"], make_flow()
    assert kind.clean({}, flow=flow) == {}
    with pytest.raises(SettingsError):
        kind.clean({"message": "Bye"}, flow=flow)

"""What is kept for a while only goes in time, and nothing else does."""

from datetime import timedelta

import pytest
from django.test import override_settings

from accounts.models import Account, IdempotencyKey
from accounts.tenancy import account_scope
from api.tasks import prune_idempotency_keys
from records import event_intake, events, pruning
from records.models import Event, EventClientId, EventPending, Import, RefusedRow
from records.tasks import prune_events
from scheduling.clock import now
from tests import make

pytestmark = pytest.mark.django_db


def happened(account: Account, days_ago: float, kind: str = "custom.seen") -> int:
    with account_scope(account.pk):
        record = make.make_contact()
        events.record_events(kind, [record.pk])
        event = Event.objects.latest("pk")
        Event.objects.filter(pk=event.pk).update(at=now() - timedelta(days=days_ago))
        return int(event.pk)


def test_events_are_kept_as_long_as_the_setting_says(
    acme: Account, globex: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 2)
    old = [happened(each, 401) for each in (acme, globex, acme)]
    young = happened(acme, 399)
    while pruning.prune_events():
        pass
    with account_scope(acme.pk):
        assert list(Event.objects.values_list("pk", flat=True)) == [young]
    with account_scope(globex.pk):
        assert not Event.objects.filter(pk__in=old).exists()
    with override_settings(EVENT_RETENTION=timedelta(days=398)):
        assert pruning.prune_events() is True
        assert pruning.prune_events() is False


def test_an_event_with_consequences_to_come_stays(acme: Account) -> None:
    with account_scope(acme.pk):
        events.listen(["custom.waiting"])
    happened(acme, 500)
    waiting = happened(acme, 500, "custom.waiting")
    while pruning.prune_events():
        pass
    with account_scope(acme.pk):
        assert Event.objects.get().pk == waiting == EventPending.objects.get().event_id


def test_client_ids_are_remembered_for_thirty_days(acme: Account) -> None:
    with account_scope(acme.pk):
        event = {"record": make.make_contact().pk, "kind": "custom.seen"}
        for name, days in (("old", 31), ("young", 29)):
            event_intake.take_in([{**event, "client_id": name}])
            EventClientId.objects.filter(client_id=name).update(at=now() - timedelta(days=days))
    while pruning.prune_client_ids():
        pass
    with account_scope(acme.pk):
        assert EventClientId.objects.get().client_id == "young"
        (again,) = event_intake.take_in([{**event, "client_id": "young"}])
        assert again.status == "known"


def test_what_an_import_refused_is_kept_for_ninety_days_after_its_end(
    acme: Account, globex: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 2)
    for account in (acme, globex):
        with account_scope(account.pk):
            for days, status in ((91, "done"), (89, "stopped"), (None, "running")):
                source = Import.objects.create(
                    name=str(days),
                    object_type=make.make_object_type(),
                    mapping={},
                    encoding="utf-8",
                    delimiter=",",
                    status=status,
                    refused=3,
                    created_at=now() - timedelta(days=100),
                    ended_at=now() - timedelta(days=days) if days else None,
                )
                for row in range(3):
                    RefusedRow.objects.create(source=source, row=row, reason="Too long", values={"Name": "Kari"})
    assert pruning.prune_refused_rows() is True
    prune_events()
    assert pruning.prune_refused_rows() is False
    for account in (acme, globex):
        with account_scope(account.pk):
            left = RefusedRow.objects.values_list("source__name", flat=True)
            assert sorted(left) == ["89"] * 3 + ["None"] * 3


def test_answers_to_requests_of_long_ago_go(acme: Account, globex: Account) -> None:
    for account in (acme, globex):
        with account_scope(account.pk):
            for name, days in (("old", 31), ("young", 29)):
                IdempotencyKey.objects.create(key=name, fingerprint="x", created_at=now() - timedelta(days=days))
    prune_idempotency_keys()
    for account in (acme, globex):
        with account_scope(account.pk):
            assert IdempotencyKey.objects.get().key == "young"

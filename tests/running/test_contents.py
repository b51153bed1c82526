"""Changing contents: what a running flow says stays as it is, and nobody overwrites another unknowingly."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from accounts.history import NotAllowed
from accounts.models import Account
from accounts.tenancy import account_scope
from flows.locks import take_exclusive
from flows.models import FlowStatus
from messaging.models import Content
from records.refusals import Invalid
from running import contents
from running.contents import StaleContent
from tests.conftest import make_account
from tests.make import make_content, make_flow


def own(acme: Account, status: str) -> Content:
    """A content that belongs to a flow in that status."""
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"], status=status)
        return make_content(flow_id=flow.pk)


def shared(acme: Account, status: str) -> Content:
    """A shared content that a flow in that status sends."""
    with account_scope(acme.pk):
        content = make_content()
        make_flow([{"send_email": content}], status=status)
    return content


def change(acme: Account, content: Content, *, as_typed: bool = False, **changes: str) -> Content:
    return contents.edit(acme.pk, content.pk, changes, read_at=content.updated_at, as_typed=as_typed)


@pytest.mark.parametrize("status", [FlowStatus.NOT_RUNNING, FlowStatus.PAUSED])
def test_a_flows_own_content_is_changed_while_it_stands(acme: Account, status: str) -> None:
    content = own(acme, status)
    changed = change(acme, content, subject="Later")
    assert changed.subject == "Later" and changed.updated_at >= content.updated_at
    with account_scope(acme.pk):
        assert Content.objects.get(pk=content.pk).subject == "Later"


def test_a_running_flows_own_content_is_not_changed(acme: Account) -> None:
    content = own(acme, FlowStatus.RUNNING)
    with pytest.raises(NotAllowed) as refused:
        change(acme, content, subject="Now")
    assert refused.value.code == "running" and "Pause the flow first" in refused.value.message
    with pytest.raises(NotAllowed):
        contents.delete(acme.pk, content.pk)


def test_what_a_running_flow_sends_is_saved_on_purpose_only(acme: Account) -> None:
    content = shared(acme, FlowStatus.RUNNING)
    with pytest.raises(NotAllowed) as refused:
        change(acme, content, subject="Hal", as_typed=True)
    assert refused.value.code == "sent_by_running_flow"
    assert change(acme, content, subject="Half").subject == "Half"


@pytest.mark.parametrize("status", [FlowStatus.NOT_RUNNING, FlowStatus.PAUSED])
def test_what_no_running_flow_sends_is_saved_as_it_is_typed(acme: Account, status: str) -> None:
    assert change(acme, shared(acme, status), subject="Hal", as_typed=True).subject == "Hal"


def test_of_two_writers_the_second_is_told(acme: Account) -> None:
    content = shared(acme, FlowStatus.NOT_RUNNING)
    with account_scope(acme.pk):
        Content.objects.filter(pk=content.pk).update(updated_at=content.updated_at + timedelta(seconds=1))
    with pytest.raises(StaleContent):
        change(acme, content, subject="Mine")
    with account_scope(acme.pk):
        assert Content.objects.get().subject == "Welcome"
    assert contents.edit(acme.pk, content.pk, {"subject": "Mine"}, read_at=None).subject == "Mine"


def test_saving_what_is_there_already_changes_nothing(acme: Account) -> None:
    content = shared(acme, FlowStatus.NOT_RUNNING)
    assert change(acme, content, subject=content.subject).updated_at == content.updated_at


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("name", "x" * 201), ("subject", "x" * 501), ("subject", "{{ a"), ("html", "{{ a | nothing }}")],
)
def test_what_cannot_be_sent_is_refused_with_its_field(acme: Account, field: str, value: str) -> None:
    content = shared(acme, FlowStatus.NOT_RUNNING)
    with pytest.raises(Invalid) as refused:
        change(acme, content, **{field: value})
    assert [error.path for error in refused.value.errors] == [field]
    with account_scope(acme.pk):
        assert getattr(Content.objects.get(), field) == getattr(content, field)


def test_a_content_that_a_flow_sends_is_not_deleted(acme: Account) -> None:
    content = shared(acme, FlowStatus.NOT_RUNNING)
    with pytest.raises(NotAllowed) as refused:
        contents.delete(acme.pk, content.pk)
    assert refused.value.code == "in_use"
    with account_scope(acme.pk):
        unused = make_content("Unused")
    contents.delete(acme.pk, unused.pk)
    with account_scope(acme.pk):
        assert list(Content.objects.values_list("pk", flat=True)) == [content.pk]


def test_another_accounts_content_is_not_there(acme: Account, globex: Account) -> None:
    content = shared(acme, FlowStatus.NOT_RUNNING)
    for act in (
        lambda: contents.edit(globex.pk, content.pk, {"subject": "x"}, read_at=None),
        lambda: contents.delete(globex.pk, content.pk),
    ):
        with pytest.raises(Content.DoesNotExist):
            act()


def test_flows_are_found_by_what_they_send(acme: Account) -> None:
    with account_scope(acme.pk):
        one, two = make_content(), make_content()
        first = make_flow([{"send_email": one}, {"split": [({"all": []}, [{"send_email": two}])]}], name="A")
        second = make_flow([{"send_email": one}], name="B")
        assert contents.flows_sending([one.pk, two.pk]) == {one.pk: [first, second], two.pk: [first]}


@pytest.mark.django_db(transaction=True)
def test_an_edit_waits_for_a_start_and_then_finds_the_flow_running() -> None:
    acme = make_account("Acme", "acme")
    content = own(acme, FlowStatus.PAUSED)
    held, outcome = threading.Event(), []

    def write() -> None:
        held.wait()
        try:
            change(acme, content, subject="Too late")
        except NotAllowed as error:
            outcome.append(error.code)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    with account_scope(acme.pk, durable=True):
        from flows.models import Flow

        take_exclusive(content.flow_id)
        held.set()
        writer.join(0.5)
        assert writer.is_alive()
        Flow.objects.filter(pk=content.flow_id).update(status=FlowStatus.RUNNING)
    writer.join(10)
    assert outcome == ["running"]
    with account_scope(acme.pk):
        assert Content.objects.get(pk=content.pk).subject == "Welcome"

"""The builders of the tests build what the product itself would have written."""

from accounts.models import Account
from accounts.tenancy import account_scope
from flows.locks import lock_key
from flows.models import Activation
from flows.path import Path
from tests import make


def test_a_flow_is_made_with_its_branches_and_a_finish(acme: Account) -> None:
    with account_scope(acme.pk):
        in_norway = {"property": "country", "operator": "eq", "value": "NO"}
        flow = make.make_flow([{"split": [(in_norway, ["wait 2 days"])], "everyone_else": ["send_email"]}])
        path = Path.of(flow)
        split, wait, send, finish = made = make.steps_of(flow)
        assert [step.kind for step in made] == ["split", "wait", "send_email", "finish"]
        assert wait.settings == {"amount": 2, "unit": "days"}
        assert path.first() == split.pk
        norway, others = path.branches_of(split.pk)
        assert (norway.criteria, others.is_everyone_else) == (in_norway, True)
        assert path.first_of(norway) == wait.pk
        assert path.after(wait.pk) == path.after(send.pk) == finish.pk
        assert flow.outbox.lock_key == lock_key(flow.pk)


def test_a_running_flow_has_an_activation_and_an_armed_schedule(acme: Account) -> None:
    with account_scope(acme.pk):
        flow = make.make_flow(schedule={"frequency": "daily"}, status="running")
        assert Activation.objects.filter(flow=flow, ended_at=None).count() == 1
        schedule = flow.triggers.get().schedule
        assert schedule.recurrence["times"] == ["09:00"]
        assert schedule.next_run_at is not None
        assert flow.outbox.held is False


def test_many_contacts_have_addresses_of_their_own(acme: Account) -> None:
    with account_scope(acme.pk):
        made = make.make_contacts(3, city="Oslo")
        assert len({record.properties["email"] for record in made}) == 3
        listed = make.make_list("Three", made)
        assert listed.entries.count() == 3

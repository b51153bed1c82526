"""Who may be written to, reason by reason and in their order."""

from collections.abc import Iterator

import pytest
from django.db import connection

from accounts.models import Account
from accounts.tenancy import account_scope
from messaging.audience import why_not
from messaging.models import Outbox, Subscription, SubscriptionType, Suppression
from records.models import Consent, Record
from tests.make import make_contact


@pytest.fixture(autouse=True)
def _in_acme(acme: Account) -> Iterator[None]:
    with account_scope(acme.pk):
        yield


def make_type(name: str = "Newsletter", *, is_default: bool = True) -> SubscriptionType:
    return SubscriptionType.objects.create(name=name, is_default=is_default)


def outbox_for(type: SubscriptionType | None, *, override_consent: bool = False) -> Outbox:
    return Outbox.objects.create(lock_key=1, subscription_type=type, override_consent=override_consent)


def reason(record: Record, outbox: Outbox) -> str | None:
    sql, params = why_not(outbox)
    with connection.cursor() as cursor:
        cursor.execute(f"select {sql} from records_record r where r.id = %(id)s", {**params, "id": record.pk})
        return cursor.fetchone()[0]


def test_whoever_consented_may_get_a_default_type() -> None:
    assert reason(make_contact(), outbox_for(make_type())) is None


@pytest.mark.parametrize("consent", [Consent.UNKNOWN, Consent.WITHDRAWN])
def test_without_consent_nothing_is_sent(consent: str) -> None:
    record = make_contact()
    Record.objects.filter(pk=record.pk).update(consent=consent)
    assert reason(record, outbox_for(make_type())) == "no_consent"


def test_an_override_sends_without_consent_but_not_against_an_unsubscription() -> None:
    newsletter = make_type()
    outbox = outbox_for(newsletter, override_consent=True)
    record = make_contact(consent=False)
    assert reason(record, outbox) is None
    Subscription.objects.create(record=record, type=newsletter, subscribed=False, source="member")
    assert reason(record, outbox) == "not_subscribed"


def test_a_type_that_is_not_default_needs_a_yes() -> None:
    offers = make_type("Offers", is_default=False)
    record, outbox = make_contact(), outbox_for(offers)
    assert reason(record, outbox) == "not_subscribed"
    Subscription.objects.create(record=record, type=offers, subscribed=True, source="form")
    assert reason(record, outbox) is None


def test_a_no_to_one_type_leaves_the_others() -> None:
    newsletter, news = make_type(), make_type("Product news")
    record = make_contact()
    Subscription.objects.create(record=record, type=newsletter, subscribed=False, source="form")
    assert reason(record, outbox_for(newsletter)) == "not_subscribed"
    assert reason(record, outbox_for(news)) is None


def test_consent_alone_decides_without_a_subscription_type() -> None:
    assert reason(make_contact(), outbox_for(None)) is None
    assert reason(make_contact(consent=False), outbox_for(None)) == "no_consent"


@pytest.mark.parametrize("email", [None, ""])
def test_nobody_without_an_address_is_written_to(email: str | None) -> None:
    assert reason(make_contact(email=email), outbox_for(make_type())) == "no_address"


def test_a_suppressed_address_gets_nothing() -> None:
    Suppression.objects.create(address="gone@example.com", reason="bounced")
    assert reason(make_contact(email="gone@example.com"), outbox_for(make_type())) == "address_suppressed"


def test_the_first_reason_in_order_counts() -> None:
    newsletter = make_type()
    outbox = outbox_for(newsletter)
    Suppression.objects.create(address="gone@example.com", reason="bounced")
    record = make_contact(email="gone@example.com", consent=False)
    Subscription.objects.create(record=record, type=newsletter, subscribed=False, source="member")
    assert reason(record, outbox) == "no_consent"
    Record.objects.filter(pk=record.pk).update(consent=Consent.GIVEN)
    assert reason(record, outbox) == "not_subscribed"
    Record.objects.filter(pk=record.pk).update(properties={})
    assert reason(record, outbox) == "not_subscribed"
    Subscription.objects.update(subscribed=True)
    assert reason(record, outbox) == "no_address"


def test_another_accounts_suppression_means_nothing(globex: Account) -> None:
    with account_scope(globex.pk):
        Suppression.objects.create(address="person@example.com", reason="complained")
    assert reason(make_contact(email="person@example.com"), outbox_for(make_type())) is None

"""Links in messages: counted clicks, and the way out that no scanner takes by accident."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.tenancy import account_scope
from messaging import tracking
from messaging.delivery import deliver
from messaging.models import Content, Message, Outbox, Subscription, SubscriptionType
from messaging.tracking import BadToken
from records.models import Consent, Record
from tests.messaging.post import Server, events, fresh, queue_one

PAGE = "https://acme.example/offer?a=1&b=å"


@pytest.fixture
def message(acme: Account) -> Message:
    return queue_one(acme)


def way_out(message: Message) -> str:
    with account_scope(message.account_id):
        return tracking.unsubscribe_url(message)


def path(url: str) -> str:
    return url.replace("http://127.0.0.1:8000", "")


def token(url: str) -> str:
    return url.rsplit("/", 1)[1]


def word(message: Message) -> Subscription | None:
    with account_scope(message.account_id):
        return Subscription.objects.filter(record_id=message.record_id).first()


def consent(message: Message) -> str:
    with account_scope(message.account_id):
        return Record.objects.get(pk=message.record_id).consent


# --- Clicks ---


def test_a_click_leads_on_and_is_told_on_the_record(message: Message, acme: Account, client: Client) -> None:
    response = client.get(path(tracking.click_url(message, PAGE)))
    assert (response.status_code, response["Location"]) == (302, "https://acme.example/offer?a=1&b=%C3%A5")
    (event,) = events(acme)
    assert (event.kind, event.record_id, event.flow_id, event.depth) == ("link_clicked", message.record_id, 11, 3)
    assert event.detail == {
        "url": PAGE,
        "message_id": message.pk,
        "origin_key": message.origin_key,
        "content_id": message.content_id,
    }


def test_looking_where_a_link_leads_is_no_click(message: Message, acme: Account, client: Client) -> None:
    response = client.head(path(tracking.click_url(message, PAGE)))
    assert (response.status_code, events(acme)) == (302, [])


def test_the_same_message_has_the_same_links_each_time_it_is_rendered(message: Message) -> None:
    assert tracking.click_url(message, PAGE) == tracking.click_url(message, PAGE)
    assert way_out(message) == way_out(message)


def test_a_link_still_leads_on_when_its_message_is_gone(message: Message, acme: Account, client: Client) -> None:
    url = tracking.click_url(message, PAGE)
    with account_scope(acme.pk):
        Message.objects.all().delete()
    assert client.get(path(url)).status_code == 302
    assert events(acme) == []


def test_a_link_cannot_be_made_or_altered(message: Message, acme: Account, client: Client) -> None:
    good = token(tracking.click_url(message, PAGE))
    payload, signature = good.split(":")
    out = token(way_out(message))
    for bad in ("x", payload, f"{payload}:", f"{payload}x:{signature}", f"{payload}:{signature[:-1]}", ":", out, "%00"):
        assert client.get(f"/c/{bad}").status_code == 404, bad
    for bad in ("x", good, out[:-1]):
        assert client.get(f"/u/{bad}").status_code == 404, bad
        assert client.post(f"/u/{bad}").status_code == 404, bad
    with pytest.raises(BadToken):
        tracking.clicked(out)
    assert (events(acme), word(message)) == ([], None)


def test_a_click_cannot_be_posted(message: Message, client: Client) -> None:
    assert client.post(path(tracking.click_url(message, PAGE))).status_code == 405


def test_public_pages_keep_the_token_to_themselves(message: Message, client: Client) -> None:
    for url in (tracking.click_url(message, PAGE), way_out(message)):
        response = client.get(path(url))
        assert response["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response["Cache-Control"]
        assert response["X-Robots-Tag"] == "noindex"


# --- The way out ---


def test_one_post_from_a_mail_program_unsubscribes(message: Message, acme: Account) -> None:
    mail_program = Client(enforce_csrf_checks=True)
    response = mail_program.post(path(way_out(message)), {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    said = word(message)
    assert said is not None
    assert (said.subscribed, said.source) == (False, "unsubscribe_link")
    assert consent(message) == Consent.GIVEN
    (event,) = events(acme)
    assert (event.kind, event.record_id, event.flow_id) == ("unsubscribed", message.record_id, 11)
    assert (event.detail["scope"], event.detail["message_id"]) == ("type", message.pk)


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_no_scanner_unsubscribes_anybody(message: Message, acme: Account, client: Client, method: str) -> None:
    for _ in range(2):
        getattr(client, method)(path(way_out(message)), {"scope": "everything"})
    assert (word(message), consent(message), events(acme)) == (None, Consent.GIVEN, [])


def test_the_page_asks_with_a_button_and_names_the_type_and_the_account(message: Message, client: Client) -> None:
    page = client.get(path(way_out(message))).content.decode()
    assert "E-mails from Acme" in page
    assert "Unsubscribe from “Newsletter”" in page
    assert re.findall(r'<button[^>]*name="scope" value="(\w+)"', page) == ["type", "everything"]


def test_from_everything_withdraws_the_consent(message: Message, acme: Account, client: Client) -> None:
    response = client.post(path(way_out(message)), {"scope": "everything"})
    assert "Acme sends you no more of these e-mails." in response.content.decode()
    assert consent(message) == Consent.WITHDRAWN
    with account_scope(acme.pk):
        assert Record.objects.get(pk=message.record_id).consent_at is not None
    assert [event.detail["scope"] for event in events(acme)] == ["everything"]


def test_asking_twice_is_told_once(message: Message, acme: Account, client: Client) -> None:
    for scope in ("type", "type", "everything", "everything"):
        assert client.post(path(way_out(message)), {"scope": scope}).status_code == 200
    assert [event.detail["scope"] for event in events(acme)] == ["type", "everything"]


def test_a_yes_of_before_becomes_a_no(message: Message, acme: Account, client: Client) -> None:
    with account_scope(acme.pk):
        type = SubscriptionType.objects.get()
        Subscription.objects.create(record_id=message.record_id, type=type, subscribed=True, source="form")
    client.post(path(way_out(message)))
    said = word(message)
    assert said is not None
    assert (said.subscribed, said.source) == (False, "unsubscribe_link")
    assert len(events(acme)) == 1


def test_without_a_subscription_type_the_consent_is_withdrawn(message: Message, acme: Account, client: Client) -> None:
    with account_scope(acme.pk):
        Outbox.objects.update(subscription_type=None)
    url = way_out(fresh(message))
    assert re.findall(r'value="(\w+)"', client.get(path(url)).content.decode()) == ["everything"]
    client.post(path(url))
    assert consent(message) == Consent.WITHDRAWN


def test_the_way_out_works_when_flow_message_and_type_are_gone(message: Message, acme: Account, client: Client) -> None:
    url = way_out(message)
    with account_scope(acme.pk):
        Message.objects.all().delete()
        Content.objects.all().delete()
        Outbox.objects.all().delete()
    assert client.post(path(url)).status_code == 200
    said = word(message)
    assert said is not None
    assert not said.subscribed
    with account_scope(acme.pk):
        Subscription.objects.all().delete()
        SubscriptionType.objects.all().delete()
    assert client.post(path(url)).status_code == 200
    assert consent(message) == Consent.WITHDRAWN


def test_who_is_out_already_is_told_so_and_not_asked_again(message: Message, client: Client) -> None:
    url = path(way_out(message))
    client.post(url)
    page = client.get(url).content.decode()
    assert "You are unsubscribed" in page and "sends you no more of “Newsletter”" in page
    assert re.findall(r'<button[^>]*name="scope" value="(\w+)"', page) == ["everything"]
    client.post(url, {"scope": "everything"})
    page = client.get(url).content.decode()
    assert "sends you no more of these e-mails" in page and "<button" not in page


def test_an_erased_record_has_nothing_left_to_unsubscribe(message: Message, acme: Account, client: Client) -> None:
    url = way_out(message)
    with account_scope(acme.pk):
        Record.objects.all().delete()
    assert client.post(path(url)).status_code == 200
    assert (word(message), events(acme)) == (None, [])


def test_a_link_of_one_account_touches_nothing_of_another(
    message: Message, acme: Account, globex: Account, client: Client
) -> None:
    theirs = queue_one(globex)
    with account_scope(globex.pk):
        url = tracking.unsubscribe_url(theirs)
    client.post(path(url), {"scope": "everything"})
    client.get(path(tracking.click_url(theirs, PAGE)))
    assert (word(message), consent(message), events(acme)) == (None, Consent.GIVEN, [])
    assert consent(theirs) == Consent.WITHDRAWN
    assert [event.kind for event in events(globex)] == ["unsubscribed", "link_clicked"]


def test_a_token_that_mixes_two_accounts_finds_nothing(message: Message, globex: Account, client: Client) -> None:
    mixed = tracking._sign(tracking.UNSUBSCRIBE, [globex.pk, message.pk, message.record_id, None])
    assert client.post(f"/u/{mixed}").status_code == 200
    assert (consent(message), events(globex)) == (Consent.GIVEN, [])


def test_the_addresses_in_messages_are_those_of_the_pages(message: Message) -> None:
    assert path(tracking.click_url(message, PAGE)) == reverse(
        "web:click", args=[token(tracking.click_url(message, PAGE))]
    )
    assert path(way_out(message)) == reverse("web:unsubscribe", args=[token(way_out(message))])


def test_the_link_in_the_mail_is_the_one_that_works(acme: Account, smtp: Server, client: Client, settings: Any) -> None:
    message = queue_one(acme)
    with account_scope(acme.pk):
        Content.objects.update(html=f'<p><a href="{PAGE}">Offer</a></p>')
    deliver(acme.pk)
    (mail,) = smtp.mails
    click, out = re.findall(r'href="([^"]+)"', mail.part("html"))
    assert client.get(path(click))["Location"].startswith("https://acme.example/offer")
    assert mail.parsed["List-Unsubscribe"].strip() == f"<{out}>"
    assert client.post(path(out), {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert word(message) is not None

"""A record saved in two browsers at once: the second is told, as if it had come later."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Account
from accounts.tenancy import account_scope
from records.merging import one_at_a_time
from records.models import Record
from tests.make import make_contact
from tests.web.conftest import Browsers
from tests.web.test_toggle_races import until_both_wait

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_who_save_at_the_same_moment_the_second_is_told(acme: Account, browser_of: Browsers) -> None:
    with account_scope(acme.pk):
        kari = make_contact(city="Bergen")
    browsers = {"Oslo": browser_of(acme), "Moss": browser_of(acme)}

    def save(city: str, browser: Client) -> int:
        form = {"property-city": city, "read_at": kari.updated_at.isoformat()}
        try:
            return browser.post(f"/acme/records/{kari.pk}/edit/", form).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as threads:
        with account_scope(acme.pk):
            one_at_a_time(kari.object_type)
            answers = {city: threads.submit(save, city, browser) for city, browser in browsers.items()}
            until_both_wait()
        told = {answer.result(): city for city, answer in answers.items()}
    assert set(told) == {302, 412}
    with account_scope(acme.pk):
        assert Record.objects.get(pk=kari.pk).properties["city"] == told[302]

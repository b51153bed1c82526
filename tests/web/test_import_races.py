"""A draft of an import corrected and started at once."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accounts.models import Account
from accounts.tenancy import account_scope
from records.models import Import, ImportStatus
from tests.make import make_object_type
from tests.web.conftest import Browsers

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "select count(*) from pg_locks where locktype in ('transactionid', 'tuple') and not granted"


@pytest.fixture
def address(acme: Account, browser_of: Browsers) -> Iterator[str]:
    """A draft with a column that becomes a new property."""
    with account_scope(acme.pk):
        make_object_type()
    file = SimpleUploadedFile("fair.csv", b"Email,Shoe\na@b.no,42\n")
    yield browser_of(acme).post("/acme/imports/new/", {"file": file})["Location"]


def test_what_is_chosen_as_an_import_is_started_changes_it_no_more(
    acme: Account, browser_of: Browsers, address: str
) -> None:
    """As when Start is pressed while the page still sends what was typed into a field."""
    form = {"name": "Fair", "match_on": "email", "column-0": "property:email", "column-1": "new:number"}
    browser = browser_of(acme)

    def press(verb: str) -> int:
        try:
            other = Client()
            other.cookies = browser.cookies
            return other.post(f"{address}{verb}/", form).status_code
        finally:
            connection.close()

    answers: list[Future[int]] = []
    with ThreadPoolExecutor(max_workers=2) as threads:
        with account_scope(acme.pk):
            Import.objects.select_for_update().get()
            for verb in ("start", "settle"):
                answers.append(threads.submit(press, verb))
                until_waiting(len(answers))
        assert [answer.result() for answer in answers] == [302, 302]
    with account_scope(acme.pk):
        source = Import.objects.get()
        assert source.status != ImportStatus.DRAFT
        assert source.mapping == {"Email": {"property": "email"}, "Shoe": {"property": "shoe"}}


def until_waiting(n: int) -> None:
    """Until so many connections wait for a lock (or 100,000 looks have not seen them)."""
    with connection.cursor() as cursor:
        for _ in range(100_000):
            cursor.execute(WAITING)
            if cursor.fetchone()[0] == n:
                return
    raise AssertionError("They did not wait for the draft.")

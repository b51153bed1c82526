"""What the pages say is said in every language."""

import re

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from accounts.management.commands.collect_translations import Text, collect
from devstack.places import ROOT

OURS = ("templates/", "web/")
# Of a format that is the same in every language.
NAMED_MONTH = re.compile(r"\|date:\"[^\"]*[DFMNbl]")


@pytest.fixture(scope="module")
def texts() -> list[Text]:
    """Every text of the templates and of the modules behind them."""
    return [text for text in collect(ROOT) if text[2].startswith(OURS)]


@pytest.fixture(params=["sv", "nb"])
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    """The translations into one language."""
    with (ROOT / "locale" / request.param / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=request.param)


def test_the_texts_of_templates_and_of_code_are_found(texts: list[Text]) -> None:
    found = {(said, place) for said, _context, place in texts}
    assert ("Log in", "templates/account/login.html") in found
    assert ("Too many tries. Wait %(minutes)s minutes, then try again.", "web/allauth_adapter.py") in found
    assert ("(no subject)", "templates/inbox/_mails.html") in found, "the argument of a filter"
    plural = (
        "<b>%(active)s</b> person is moving through the steps.",
        "<b>%(active)s</b> people are moving through the steps.",
    )
    assert (plural, "templates/flows/_sentence.html") in found
    mail = "templates/account/email/email_confirmation_signup_subject.txt"
    assert ("Welcome to Flyt: confirm your address", mail) in found, "mails are text files"
    assert ("of", "a range of rows", "templates/components/_pages.html") in texts


def test_every_text_of_a_page_is_translated(texts: list[Text], catalogue: Catalog) -> None:
    missing = []
    for said, context, place in texts:
        message = catalogue.get(said, context)
        strings = message.string if message and isinstance(message.string, tuple) else [message and message.string]
        if not all(strings) or (message and message.fuzzy):
            missing.append((place, said))
    assert missing == [], "run manage.py collect_translations and translate what is new"


def test_every_date_with_the_name_of_a_month_is_written_as_its_language_does() -> None:
    files = [path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt")]
    assert [path.name for path in files if NAMED_MONTH.search(path.read_text())] == []

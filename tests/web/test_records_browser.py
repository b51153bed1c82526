"""The table of records in a browser: a new list for those who are chosen, by keyboard and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from accounts.tenancy import account_scope
from records import lists
from records.models import List
from tests.make import make_contact, make_list
from tests.web.test_browser import account, chromium, page

__all__ = ["account", "chromium", "page"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


def sizes(account: Account) -> dict[str, int]:
    with account_scope(account.pk):
        return {each.name: lists.size(each) for each in List.objects.filter(is_hidden=False)}


@pytest.mark.parametrize("width", [360, 1280])
def test_a_new_list_is_made_for_those_who_are_chosen_by_keyboard(page: Page, account: Account, width: int) -> None:
    with account_scope(account.pk):
        make_list("Autumn")
        make_contact(first_name="Kari")
        make_contact(first_name="Ola")
    page.set_viewport_size({"width": width, "height": 740})
    page.goto("/acme/records/")
    for name in ("Kari", "Ola"):
        page.get_by_role("checkbox", name=f"Select {name}").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Add to list…").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Put 2 records on a list")
    expect(dialog.get_by_label("List", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_label("Or a new list called")).to_be_focused()
    box = dialog.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
    page.keyboard.type("Winter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Winter")
    assert sizes(account) == {"Autumn": 0, "Winter": 2}


def test_all_found_are_put_on_the_first_list_there_is(page: Page, account: Account) -> None:
    with account_scope(account.pk):
        make_contact(first_name="Kari")
    page.goto("/acme/records/?type=contact")
    page.get_by_label("More about this table").click()
    page.get_by_text("Put all found on a list…").click()
    expect(page.get_by_label("A new list called")).to_be_focused()
    page.keyboard.type("Winter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Winter")
    assert sizes(account) == {"Winter": 1}

"""Archiving, restoring and erasing in the browser: asked first, then done, by whoever may."""

import pytest
from django.test import Client

from accounts.models import Account
from accounts.rights import Role
from accounts.tenancy import account_scope
from messaging.models import Suppression
from records.models import Record
from tests.make import make_contact, make_contacts
from tests.web.conftest import Browsers


@pytest.fixture
def kathe(acme: Account) -> Record:
    with account_scope(acme.pk):
        return make_contact("kathe@example.com", first_name="Käthe")


def is_archived(acme: Account, record: Record) -> bool:
    with account_scope(acme.pk):
        return Record.objects.get(pk=record.pk).archived_at is not None


def test_a_record_is_archived_and_restored(member: Client, acme: Account, kathe: Record) -> None:
    asked = member.get(f"/acme/records/{kathe.pk}/archive/").content.decode()
    assert "Archive Käthe?" in asked and not is_archived(acme, kathe)
    assert "Käthe is archived." in member.post(f"/acme/records/{kathe.pk}/archive/", follow=True).content.decode()
    assert is_archived(acme, kathe)
    assert "Käthe is back." in member.post(f"/acme/records/{kathe.pk}/restore/", follow=True).content.decode()
    assert not is_archived(acme, kathe)


@pytest.mark.parametrize(("ticked", "kept"), [({"suppress": "yes"}, 1), ({}, 0)])
def test_a_record_is_erased_and_the_dialog_says_what_stays(
    member: Client, acme: Account, kathe: Record, ticked: dict[str, str], kept: int
) -> None:
    address = f"/acme/records/{kathe.pk}/erase/"
    asked = member.get(address).content.decode()
    assert "Erase Käthe for good?" in asked and "gets nothing more" in asked and 'name="suppress"' in asked
    answer = member.post(address, ticked, follow=True)
    assert "The record is erased." in answer.content.decode()
    assert member.get(f"/acme/records/{kathe.pk}/").status_code == 404
    with account_scope(acme.pk):
        assert not Record.objects.exists() and Suppression.objects.count() == kept


def test_those_who_were_chosen_are_archived_restored_and_erased_together(member: Client, acme: Account) -> None:
    with account_scope(acme.pk):
        made = make_contacts(3)
    chosen = "&".join(f"record={each.pk}" for each in made[:2])
    assert "Archive 2 records?" in member.get(f"/acme/records/archive/?{chosen}").content.decode()
    assert member.post(f"/acme/records/archive/?{chosen}&type=contact").url == "/acme/records/?type=contact"
    assert [is_archived(acme, each) for each in made] == [True, True, False]
    member.post(f"/acme/records/restore/?{chosen}")
    assert not is_archived(acme, made[0])
    assert "Erase 2 records" in member.get(f"/acme/records/erase/?{chosen}").content.decode()
    member.post(f"/acme/records/erase/?{chosen}&record=nonsense")
    with account_scope(acme.pk):
        assert [each.pk for each in Record.objects.all()] == [made[2].pk]


def test_a_marketer_archives_and_does_not_erase(acme: Account, browser_of: Browsers, kathe: Record) -> None:
    marketer = browser_of(acme, Role.MARKETER)
    assert marketer.post(f"/acme/records/{kathe.pk}/erase/").status_code == 403
    assert marketer.post(f"/acme/records/{kathe.pk}/archive/").status_code == 302

"""The operator's way to let somebody in who has lost phone and codes."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from accounts.models import User


def test_two_steps_are_turned_off_for_one_person(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    lost, other = (User.objects.create_user(f"{name}@example.com") for name in ("lost", "other"))
    for person in (lost, other):
        for kind in (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES):
            Authenticator.objects.create(user=person, type=kind, data={})
    for says in ("off now", "off already"):
        call_command("turn_off_two_steps", " Lost@example.com")
        assert says in capsys.readouterr().out
    assert set(Authenticator.objects.values_list("user", flat=True)) == {other.pk}


def test_an_address_that_nobody_has_is_named(db: None) -> None:
    with pytest.raises(CommandError, match=r"who@example\.com"):
        call_command("turn_off_two_steps", "who@example.com")

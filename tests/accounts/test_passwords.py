"""What a refused password says."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.management.commands.collect_translations import collect
from devstack.places import ROOT


def test_a_short_password_is_refused_with_a_sentence_that_is_translated() -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password("short")
    texts = {said for said, _context, place in collect(ROOT) if place == "accounts/passwords.py"}
    assert refused.value.messages == [text % {"length": 12} for text in texts if isinstance(text, str)]

"""Secrets that are read again: never in the clear, never with another key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from accounts.secrets_at_rest import WrongKey, decrypt, encrypt

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("key", ["k", "a long random text, æøå", "WkZ3b2xqR0h5c2d1c2dGc2dGc2dGc2dGc2dGc2dGc2c="])
def test_what_was_encrypted_is_read_again_whatever_the_key_looks_like(settings, key: str) -> None:  # type: ignore[no-untyped-def]
    settings.FIELD_ENCRYPTION_KEY = key
    stored = encrypt("ÅBCDEFGH234567")
    assert "ÅBCDEFGH234567" not in stored and stored.isascii()
    assert decrypt(stored) == "ÅBCDEFGH234567"


def test_the_same_secret_is_stored_differently_each_time() -> None:
    assert encrypt("secret") != encrypt("secret")


def test_another_key_reads_nothing_and_says_so(settings) -> None:  # type: ignore[no-untyped-def]
    stored = encrypt("secret")
    settings.FIELD_ENCRYPTION_KEY = "another key"
    with pytest.raises(WrongKey, match="FIELD_ENCRYPTION_KEY"):
        decrypt(stored)


def test_what_was_tampered_with_is_not_read() -> None:
    stored = encrypt("secret")
    with pytest.raises(WrongKey):
        decrypt(stored[:-4] + "AAAA")


def test_without_the_key_flyt_does_not_start_and_names_it() -> None:
    env = {name: value for name, value in os.environ.items() if name != "FIELD_ENCRYPTION_KEY"}
    done = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode and "Set FIELD_ENCRYPTION_KEY" in done.stderr

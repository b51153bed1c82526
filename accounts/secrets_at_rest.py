"""Secrets that must be read again and so cannot be kept as digests: encrypted with FIELD_ENCRYPTION_KEY."""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class WrongKey(RuntimeError):
    """What is stored was encrypted with another FIELD_ENCRYPTION_KEY."""


def encrypt(text: str) -> str:
    """For a column of text."""
    return _cipher(settings.FIELD_ENCRYPTION_KEY).encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """What `encrypt()` was given. Raises WrongKey."""
    try:
        return _cipher(settings.FIELD_ENCRYPTION_KEY).decrypt(stored.encode()).decode()
    except InvalidToken:
        raise WrongKey("A stored secret cannot be read: was FIELD_ENCRYPTION_KEY changed?") from None


@lru_cache(maxsize=2)
def _cipher(key: str) -> Fernet:
    """The key is a long random text of any form; the cipher takes 32 bytes."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))

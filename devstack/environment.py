"""The environment that web, workers, commands and tests get on this machine."""

import base64
import os
from pathlib import Path

from devstack.places import ROOT, write_private

# Left out: with the first every process would compile Django and Celery anew; the others mislead our Python.
NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def inherited() -> dict[str, str]:
    """What this process was given and may pass on."""
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}


def environment(
    var: Path,
    *,
    database_url: str,
    redis_url: str,
    web_port: int,
    inbox_port: int,
) -> dict[str, str]:
    """Everything that `config.settings` reads; goes on top of `inherited()`."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
        "STATIC_FROM_SOURCE": "1",
        "TEST_CLOCK": "1",
        "SECRET_KEY": kept_secret(var / "secret_key"),
        "FIELD_ENCRYPTION_KEY": kept_secret(var / "field_encryption_key"),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "EMAIL_URL": f"smtp://127.0.0.1:{inbox_port}",
        "INBOX_DIR": str(var / "inbox"),
        "SITE_URL": f"http://127.0.0.1:{web_port}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
    }


def kept_secret(path: Path) -> str:
    """A random key (32 bytes, URL-safe base64), made once and readable by its owner only."""
    if not path.exists():
        write_private(path, base64.urlsafe_b64encode(os.urandom(32)).decode())
    return path.read_text().strip()

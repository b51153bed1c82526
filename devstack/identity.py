"""Who PostgreSQL runs as: it refuses root, and it refuses a user without a name."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devstack import StackError
from devstack.places import NOBODY

# Root keeps one capability, so that a checkout under a private home can be read without opening it.
SETPRIV = (
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--securebits=+no_setuid_fixup",
)


@dataclass(frozen=True)
class Identity:
    """The command prefix that changes the user, and the owner of the files (None: ourselves)."""

    prefix: tuple[str, ...] = ()
    owner: int | None = None

    @property
    def changes_user(self) -> bool:
        """A change of user makes the kernel forget the death signal, so it must be set again."""
        return self.owner is not None


def identity_for(data: Path) -> Identity:
    """Choose how to run PostgreSQL on a data folder; an existing folder keeps its owner."""
    if data.exists() and data.stat().st_uid not in {os.geteuid(), *([NOBODY] if os.geteuid() == 0 else [])}:
        raise StackError(f"{data} belongs to another user: start as that user, or set FLYT_VAR to a new folder.")
    if os.geteuid() != 0:
        return _named_user()
    made_by_root = data.exists() and data.stat().st_uid == 0
    choices = [_mapped()] if made_by_root else [_dropped(), _mapped()]
    for choice in choices:
        if choice and _works(choice):
            return choice
    raise StackError(
        "PostgreSQL does not run as root, and neither setpriv nor user namespaces work here: "
        "start as an ordinary user, or set DATABASE_URL."
    )


def _named_user() -> Identity:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        mapped = _mapped()
        if mapped and _works(mapped):
            return mapped
        raise StackError(
            f"User number {os.geteuid()} has no name on this system, which PostgreSQL needs: "
            "start as a named user, or set DATABASE_URL."
        ) from None
    return Identity()


def _dropped() -> Identity | None:
    program = shutil.which("setpriv")
    return Identity((program, *SETPRIV), owner=NOBODY) if program else None


def _mapped() -> Identity | None:
    program = shutil.which("unshare")
    return Identity((program, "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")) if program else None


def _works(identity: Identity) -> bool:
    return subprocess.run([*identity.prefix, "true"], capture_output=True).returncode == 0

"""A browser for the browser tests."""

import os
import shutil
import subprocess

from devstack.terminal import say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")


def find_chromium() -> str | None:
    """The path of a Chromium (FLYT_CHROMIUM, PATH, or freshly installed as root); None when there is none."""
    found = os.environ.get("FLYT_CHROMIUM") or _on_path()
    if found:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing Chromium with apt-get for the browser tests …")
        _install()
        found = _on_path()
    if not found:
        say("No Chromium found, so the browser tests will fail: install chromium, or set FLYT_CHROMIUM.")
    return found


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = [*APT, "install", "-y", "--no-install-recommends", "chromium"]
    for command in (install, [*APT, "update"], install):
        if subprocess.run(command, env=environment, capture_output=True).returncode == 0 and command is install:
            return

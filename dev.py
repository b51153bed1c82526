#!/usr/bin/env python3
"""Everything Flyt needs on one machine, from a bare Python 3: `up`, `test`, `check`, `screenshots`, `run`.

Standard library only, and readable by every Python from 3.6, so that an old one can say what is missing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

USAGE = """\
python3 dev.py up                   start Flyt here and print its address and login
python3 dev.py test [arguments]     run the tests (arguments go to pytest)
python3 dev.py check [--fix]        formatting, lint, types, layers, missing migrations
python3 dev.py screenshots          pictures of every page, into var/screenshots
python3 dev.py run <command ...>    run a command beside the database, e.g. python manage.py shell
"""
ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("FLYT_VENV") or str(ROOT / ".venv")).expanduser().absolute()
PYTHON = VENV / "bin" / "python"
OLDEST, NEWEST = (3, 11), (3, 14)
# The dev lock holds all of the up lock, so one installation of it serves both.
LOCKS = {"up": "up", "run": "up", "test": "dev", "check": "dev", "screenshots": "dev"}
NO_PIP = "This Python can install nothing: on Debian or Ubuntu run `apt install python3-venv`, then start again."
NO_NETWORK = (
    "The dependencies could not be downloaded: connect this machine to the network"
    " (or point pip at a mirror) and start again."
)


def main():
    """Make the dependencies ready, then become `python -m devstack`."""
    if len(sys.argv) < 2 or sys.argv[1] not in LOCKS or sys.argv[1:] == ["run"]:
        sys.exit(USAGE)
    # With it set, every process would compile Django and Celery anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        os.environ.pop(name, None)
    try:
        prepare(LOCKS[sys.argv[1]])
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}. Make it writable, or set FLYT_VENV to another place.")
    except KeyboardInterrupt:
        sys.exit(130)
    os.environ["PATH"] = "{}{}{}".format(VENV / "bin", os.pathsep, os.environ.get("PATH", os.defpath))
    os.environ["PYTHONPATH"] = str(ROOT)
    os.execv(str(PYTHON), [str(PYTHON), "-m", "devstack", *sys.argv[1:]])


def prepare(lock):
    """Install a lock file into the virtual environment unless its stamp says that it is there."""
    if is_ready(lock):
        return
    folder = os.open(str(ROOT), os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # two commands at once must not build the same environment
    if not is_ready(lock):
        fresh = noted_version() is None or noted_version() != version_of(PYTHON)
        python = find_python() if fresh else None
        say("Installing dependencies …")
        if python:
            make_environment(python)
        install(lock)
        for contained in ("dev", "up") if lock == "dev" else ("up",):
            stamp(contained).write_text(wanted(contained))
    os.close(folder)


def stamp(lock):
    """The file that says which lock is installed."""
    return VENV / f".installed-{lock}"


def lock_file(lock):
    """The list of pinned packages."""
    return ROOT / "requirements" / f"{lock}.txt"


def wanted(lock):
    """What the stamp must say: the lock's contents and the Python it was installed for."""
    return f"{version_of(PYTHON)} {hashlib.sha256(lock_file(lock).read_bytes()).hexdigest()}\n"


def is_ready(lock):
    """Whether the environment works and holds this lock."""
    return stamp(lock).exists() and version_of(PYTHON) is not None and stamp(lock).read_text() == wanted(lock)


def noted_version():
    """The Python version the packages were installed for, if any were."""
    for lock in ("dev", "up"):
        if stamp(lock).exists():
            return stamp(lock).read_text().split()[0]
    return None


def version_of(python):
    """The version ("3.12") of an interpreter that runs and is new enough, else None."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        shown = quietly([python, "-I", "-S", "-c", code])
    except OSError:
        return None
    if shown.returncode:
        return None
    text = shown.stdout.decode().strip()
    return text if OLDEST <= tuple(map(int, text.split("."))) <= NEWEST else None


def find_python():
    """An interpreter that is new enough: the one asked for, this one, or any other on the machine."""
    chosen = os.environ.get("FLYT_PYTHON")
    minors = range(NEWEST[1], OLDEST[1] - 1, -1)
    candidates = [chosen] if chosen else [sys.executable]
    if not chosen:
        candidates += [shutil.which(f"python3.{minor}") for minor in minors]
        candidates += ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"]
        home = Path(os.path.expanduser("~"))
        candidates += sorted(map(str, home.glob(".pyenv/versions/3.*/bin/python")), reverse=True)
    for candidate in candidates:
        if candidate and version_of(candidate):
            return candidate
    found = f"FLYT_PYTHON names another ({chosen})" if chosen else f"this Python is {sys.version.split()[0]}"
    sys.exit(
        f"Flyt needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]} and {found}: install one of them"
        " (Debian 12 or newer: `apt install python3 python3-venv`), or name one in FLYT_PYTHON."
    )


def make_environment(python):
    """An empty virtual environment; without pip, which would take longer than all the rest."""
    if VENV.exists() and any(VENV.iterdir()) and not (VENV / "pyvenv.cfg").exists():
        sys.exit(f"{VENV} is not a virtual environment: remove it, or set FLYT_VENV to another place.")
    VENV.parent.mkdir(parents=True, exist_ok=True)
    made = quietly([python, "-m", "venv", "--clear", "--without-pip", VENV])
    if made.returncode:
        sys.exit(f"Cannot create {VENV}: {last_line(made)}")
    bring_installer(python)


def bring_installer(python):
    """Put uv, or else pip, into the environment; without either, say what to install."""
    pip = [python, "-m", "pip", "--python", PYTHON, "install", "-q", "--disable-pip-version-check"]
    pip += ["--retries", "1", "--timeout", "15", "--require-hashes", "-r", lock_file("installer")]
    has_pip = quietly([python, "-m", "pip", "--version"]).returncode == 0
    if (has_pip and quietly(pip).returncode == 0) or shutil.which("uv"):
        return
    if quietly([PYTHON, "-m", "ensurepip"]).returncode == 0:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing python3-venv with apt-get …")
        quietly(["apt-get", "-qq", "update"])
        quietly(["apt-get", "-qq", "install", "-y", "python3-venv"])
        if quietly([PYTHON, "-m", "ensurepip"]).returncode == 0:
            return
    shutil.rmtree(str(VENV))
    sys.exit(NO_NETWORK if has_pip else NO_PIP)


def install(lock):
    """Install exactly the pinned packages, by uv where there is one (five times faster), else by pip."""
    options = ["-q", "--no-deps", "--require-hashes", "-r", lock_file(lock)]
    own = VENV / "bin" / "uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    attempts = []
    if uv:
        attempts.append([uv, "pip", "install", "--system-certs", "--python", PYTHON, *options])
    pip = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", "--retries", "1"]
    attempts.append(pip + options)
    said = ""
    for command in attempts:
        if command[0] == PYTHON and quietly([PYTHON, "-m", "pip", "--version"]).returncode:
            quietly([PYTHON, "-m", "ensurepip"])
        done = quietly(command)
        if done.returncode == 0:
            return
        said = said or last_line(done)
    sys.exit(f"{NO_NETWORK}\n(The installer said: {said})")


def quietly(command):
    """Run a command and keep what it prints."""
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
    )


def last_line(done):
    """The last thing a command said."""
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "nothing"


def say(line):
    """One line about what happens now."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()

"""What the person at the terminal reads."""

import sys


def say(line: str) -> None:
    """One short line about what happens now; on stderr, so that a command's own output stays clean."""
    print(line, file=sys.stderr, flush=True)

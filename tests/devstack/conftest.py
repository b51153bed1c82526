"""A data folder with a short path, and processes that are gone when the test is."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def var() -> Iterator[Path]:
    """A data folder of its own; pytest's own folders have paths too long for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="flyt-"))
    yield folder
    shutil.rmtree(folder)

"""The scenarios' stage: one whole Flyt for all of them, started when the first one asks."""

import os
from collections.abc import Iterator

import pytest

from .live import Live


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Live]:
    """Real web, workers, beat, SMTP, database and broker. Scenarios leave the clock ahead, never back."""
    name = f"flyt_live_{worker_id}"
    running = Live(tmp_path_factory.mktemp("live"), os.environ["DATABASE_URL"], name)
    yield running
    running.stop()

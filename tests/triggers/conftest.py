"""What tests of triggers ask for by name."""

import pytest

from triggers import occurrences


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five records a chunk, so that few records make many."""
    monkeypatch.setattr(occurrences, "CHUNK", 5)

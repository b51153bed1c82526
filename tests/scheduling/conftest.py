"""Swedish and Norwegian as the package ships them, compiled for the test."""

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.scheduling.translations import compile_into


@pytest.fixture
def translated(tmp_path: Path, settings: Settings) -> None:
    """Let Django find the package's own translations, whether or not they were compiled before."""
    compile_into(tmp_path)
    settings.LOCALE_PATHS = [tmp_path]

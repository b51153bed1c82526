"""How much a browser loads before it can show a page."""

import gzip
from pathlib import Path
from typing import Final

from devstack.places import ROOT

MOST: Final = 150_000  # bytes, of all CSS and JavaScript together, compressed


def compressed(folder: Path) -> dict[str, int]:
    """Each file's size as it goes over the wire."""
    files = [path for ending in ("*.css", "*.js") for path in sorted(folder.rglob(ending))]
    return {str(path.relative_to(folder)): len(gzip.compress(path.read_bytes(), mtime=0)) for path in files}


def test_css_and_javascript_together_stay_light() -> None:
    sizes = compressed(ROOT / "static")
    assert {"css/flyt.css", "vendor/htmx.min.js"} <= set(sizes)
    assert sum(sizes.values()) < MOST, sizes

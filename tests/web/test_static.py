"""The files that pages load: as vendored, and as production serves them."""

import hashlib
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.core.management import call_command

from devstack.places import ROOT

VENDOR = ROOT / "static" / "vendor"
VENDORS = [VENDOR, ROOT / "tests" / "browser" / "vendor"]
ICON = re.compile(r"""\{% icon "([\w-]+)"|"icon": "([\w-]+)"|Place\("\w+", "([\w-]+)\"""")


@pytest.mark.parametrize("folder", VENDORS, ids=lambda folder: folder.parent.name)
def test_vendored_files_are_those_that_were_taken_over(folder: Path) -> None:
    said = (folder / "VERSIONS").read_text()
    for path in folder.iterdir():
        if path.name != "VERSIONS":
            assert f"{path.name}\n" in said
            assert hashlib.sha256(path.read_bytes()).hexdigest() in said


def test_production_finds_every_file_that_a_style_or_script_names(tmp_path: Path, settings) -> None:  # type: ignore[no-untyped-def]
    settings.STATIC_ROOT = str(tmp_path)
    backend = "whitenoise.storage.CompressedManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    call_command("collectstatic", interactive=False, verbosity=0)
    style = next(tmp_path.glob("css/flyt.*.css")).read_text()
    imports = re.findall(r'@import (?:url\()?"([^"]+)"', style)
    assert len(imports) > 20
    assert all((tmp_path / "css" / name).exists() and re.search(r"\.[0-9a-f]{12}\.css$", name) for name in imports)


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = {each.get("id") for each in ElementTree.parse(ROOT / "static" / "icons.svg").getroot()}
    sources = [*(ROOT / "templates").rglob("*.html"), ROOT / "web" / "frame.py"]
    used = {name for path in sources for match in ICON.findall(path.read_text()) for name in match if name}
    assert {"flow", "inbox", "error"} <= used
    assert used <= drawn


@pytest.mark.parametrize("path", sorted((ROOT / "static").rglob("*.js")), ids=lambda path: path.name)
def test_no_script_needs_more_than_the_policy_allows(path: Path) -> None:
    if path.parent != VENDOR:
        assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", path.read_text())

"""A kind is whole or it is not there: module, line in the registry, tests, and the word in the glossary."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from django.apps import apps
from django.utils.functional import Promise

from flows.steps import KINDS as STEPS
from flows.steps.base import StepKind
from messaging.channels import CHANNELS
from triggers.kinds import KINDS as TRIGGERS

from .sources import ROOT

REGISTRIES: dict[str, Mapping[str, Any]] = {
    "flows.steps": STEPS,
    "triggers.kinds": TRIGGERS,
    "messaging.channels": CHANNELS,
}
FAMILIES = {"message", "control", "record", "activity", "internal", "finish"}
EVERY_KIND = [(folder, kind) for folder, registry in REGISTRIES.items() for kind in registry]


def modules(folder: str) -> set[str]:
    """The kinds that a package has modules for."""
    package = importlib.import_module(folder)
    return {module.name for module in pkgutil.iter_modules(package.__path__)} - {"base"}


def faults(kinds: Iterable[StepKind]) -> list[str]:
    """What a step kind leaves out that its callers rely on."""
    found = []
    for kind in kinds:
        own = type(kind)
        if not isinstance(kind.label, Promise):
            found.append(f"{own.__name__}: the label is not marked for translation")
        if kind.family not in FAMILIES:
            found.append(f"{own.__name__}: unknown family {kind.family}")
        if not (own.__doc__ or "").startswith(("Settings: {", "No settings")):
            found.append(f"{own.__name__}: the docstring does not say what its settings are")
        if f'id="{getattr(kind, "icon", None)}"' not in (ROOT / "static" / "icons.svg").read_text():
            found.append(f"{own.__name__}: no icon of that name")
        if not 1 <= kind.batch_size <= 1000:
            found.append(f"{own.__name__}: batches of {kind.batch_size}")
        if kind.listens_to and not kind.waits:
            found.append(f"{own.__name__}: listens, but never waits")
        found += [
            f"{own.__name__}: no {name}()"
            for name in ("clean", "summary", "run")
            if getattr(own, name) is getattr(StepKind, name)
        ]
    return found


@pytest.mark.parametrize("folder", REGISTRIES)
def test_every_module_is_registered_under_its_name(folder: str) -> None:
    assert modules(folder) == set(REGISTRIES[folder])
    for name, kind in REGISTRIES[folder].items():
        assert kind.kind == name
        own = kind if inspect.isclass(kind) else type(kind)
        assert own.__module__ == f"{folder}.{name}"


@pytest.mark.parametrize(("folder", "kind"), EVERY_KIND)
def test_every_kind_has_tests_of_its_own(folder: str, kind: str) -> None:
    package = folder.split(".")[0]
    found = list((ROOT / "tests" / package).rglob(f"test_{kind}.py"))
    assert found, f"tests/{package}/ has no test_{kind}.py"
    assert "def test_" in found[0].read_text()


@pytest.mark.parametrize(("folder", "kind"), EVERY_KIND)
def test_every_kind_is_in_the_glossary(folder: str, kind: str) -> None:
    assert f"`{kind}`" in (ROOT / "docs" / "glossary.md").read_text()


def test_step_kinds_have_all_that_their_callers_rely_on() -> None:
    assert faults(STEPS.values()) == []


def test_a_kind_name_fits_its_column() -> None:
    for model, registry in (("flows.Step", STEPS), ("triggers.Trigger", TRIGGERS), ("messaging.Message", CHANNELS)):
        column = "channel" if registry is CHANNELS else "kind"
        field = apps.get_model(model)._meta.get_field(column)
        assert max(map(len, registry)) <= field.max_length


def test_a_half_made_step_kind_is_caught() -> None:
    class Shrug(StepKind):
        """Does nothing much."""

        kind, label, family, icon = "shrug", "Shrug", "control", "shoulders"
        listens_to = frozenset({"message_handed_over"})

        def clean(self, settings: dict[str, Any], *, flow: Any) -> dict[str, Any]:
            return settings

    assert faults([Shrug()]) == [
        "Shrug: the label is not marked for translation",
        "Shrug: the docstring does not say what its settings are",
        "Shrug: no icon of that name",
        "Shrug: listens, but never waits",
        "Shrug: no summary()",
        "Shrug: no run()",
    ]

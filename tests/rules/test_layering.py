"""What import-linter cannot see: references by name that point up the ladder, and packages that are not on it."""

import re
from collections.abc import Iterable, Mapping

from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps

from .sources import BESIDE_IT, LADDER, PRODUCT, ROOT, Source, pyproject, rung, sources


def upward_relations(of: Iterable[type[models.Model]]) -> list[str]:
    """The relations of our models that point to a model of a higher package."""
    return [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in of
        if model._meta.app_label in PRODUCT
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.ManyToManyField)
        and isinstance(field.related_model, type)
        and field.related_model._meta.app_label in PRODUCT
        and rung(field.related_model._meta.app_label) < rung(model._meta.app_label)
    ]


def tables() -> dict[str, str]:
    """Every table of ours and its package."""
    return {
        model._meta.db_table: model._meta.app_label
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in PRODUCT
    }


def upward_sql(of: Iterable[Source], tables: Mapping[str, str]) -> list[str]:
    """The texts that name a table of a higher package: SQL is no import, but reaches as far."""
    return [
        f"{source.path}: {word}"
        for source in of
        for text in source.strings
        for word in re.findall(r"\b[a-z]+_[a-z]+\b", text)
        if word in tables and rung(tables[word]) < rung(source.package)
    ]


def test_relations_between_models_point_down_the_ladder() -> None:
    assert upward_relations(apps.get_models(include_auto_created=True)) == []


@isolate_apps("scheduling")
def test_a_relation_up_the_ladder_is_caught() -> None:
    class Wakeup(models.Model):
        flow = models.ForeignKey("flows.Flow", on_delete=models.CASCADE)

        class Meta:
            app_label = "scheduling"

    Wakeup._meta.get_field("flow").remote_field.model = apps.get_model("flows.Flow")
    assert upward_relations([Wakeup]) == ["scheduling.Wakeup.flow -> flows.Flow"]


def test_sql_names_only_tables_of_its_own_package_and_those_below() -> None:
    assert upward_sql(sources(), tables()) == []


def test_sql_that_reaches_up_the_ladder_is_caught() -> None:
    planted = Source("records/lists.py", 'X = f"select 1 from flows_flow where id = {1}"')
    assert upward_sql([planted], tables()) == ["records/lists.py: flows_flow"]
    allowed = Source("running/ending.py", 'X = "select 1 from flows_flow"')
    assert upward_sql([allowed], tables()) == []


def test_every_package_with_python_is_on_the_ladder_or_beside_it() -> None:
    packages = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name != "var" and any(path.rglob("*.py"))
    }
    assert packages - PRODUCT - BESIDE_IT == set()


def test_import_linter_holds_the_same_ladder() -> None:
    contract = next(c for c in pyproject()["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    assert [set(layer.split(" | ")) for layer in contract["layers"]] == list(LADDER)

"""Update record: set properties of everyone who passes. Whoever has the values already is not touched."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from psycopg2.extras import Json

from flows.models import Flow, Step
from flows.path import Path
from records import events, values
from records.criteria_references import References
from records.models import Property

from .base import Batch, Lack, SettingsError, StepKind, only


class UpdateRecord(StepKind):
    """Settings: {"values": {property key: value, or null to clear}}."""

    kind, label, family, icon = "update_record", _("Update record"), "record", "person-edit"
    hint = _("Set or clear properties")

    def clean(self, settings: dict[str, Any], *, flow: Flow) -> dict[str, Any]:
        """Known properties of the flow's object type, with values of their type."""
        only(settings, "values")
        given = settings.get("values", {})
        if not isinstance(given, dict):
            raise SettingsError({"values": gettext("An object of property keys and values.")})
        known = {each.key: each for each in _properties(flow).filter(key__in=list(given))}
        errors, cleaned = {}, {}
        for key, value in given.items():
            try:
                cleaned[key] = values.clean(known[key], value)
            except KeyError:
                errors[f"values.{key}"] = gettext("There is no such property.")
            except ValueError as error:
                errors[f"values.{key}"] = str(error)
        if errors:
            raise SettingsError(errors)
        return {"values": cleaned}

    def lacks(self, step: Step, path: Path) -> list[Lack]:
        """At least one property, each still there."""
        given = step.settings.get("values") or {}
        if not given:
            return [Lack("update_without_values", gettext("Choose what to update."), "values")]
        known = _labels(path, step)
        return [
            Lack("property_is_gone", gettext("The property “%s” is gone.") % key, f"values.{key}")
            for key in given
            if key not in known
        ]

    def summary(self, step: Step, path: Path) -> str:
        """ "Lifecycle stage = Customer"."""
        given, labels = step.settings.get("values") or {}, _labels(path, step)
        changes = [f"{labels.get(key, key)} = {_in_words(value)}" for key, value in given.items()]
        return ", ".join(changes) or gettext("Nothing chosen")

    def references(self, settings: dict[str, Any], object_type: str) -> References:
        """The properties that it sets or clears."""
        return References(properties=frozenset((object_type, key) for key in settings.get("values") or {}))

    def run(self, batch: Batch) -> None:
        """Lock the records in id order (two flows updating the same people deadlock otherwise), then set."""
        given = batch.step.settings["values"]
        change = {
            "new": Json({key: value for key, value in given.items() if value is not None}),
            "gone": [key for key, value in given.items() if value is None],
        }
        batch.execute(
            """
            select 1 from records_record r
            where r.account_id = %(account)s
              and r.id in (select record_id from batch where decision = 'continue')
            order by r.id for no key update
            """
        )
        sql, params = events.insert_sql(
            "record_updated",
            """
            select r.id as record_id, jsonb_build_object('changes', (
                select jsonb_object_agg(k, jsonb_build_array(r.properties -> k, %(new)s::jsonb -> k))
                from unnest(%(keys)s::text[]) k
                where r.properties -> k is distinct from %(new)s::jsonb -> k)) as detail,
              batch.depth as depth
            from batch join records_record r on r.id = batch.record_id and r.account_id = %(account)s
            where batch.decision = 'continue'
              and (r.properties || %(new)s::jsonb) - %(gone)s::text[] is distinct from r.properties
            """,
            flow_id=batch.flow.pk,
        )
        batch.execute(sql, **{**params, **change, "keys": list(given)})
        batch.execute(
            """
            update records_record r
            set properties = (r.properties || %(new)s::jsonb) - %(gone)s::text[], updated_at = %(now)s
            from batch
            where r.id = batch.record_id and r.account_id = %(account)s and batch.decision = 'continue'
              and (r.properties || %(new)s::jsonb) - %(gone)s::text[] is distinct from r.properties
            """,
            **change,
        )


def _labels(path: Path, step: Step) -> dict[str, str]:
    """The labels of the properties of the flow's records, by key."""
    return path.once("properties", lambda: dict(_properties(step.flow).values_list("key", "label")))


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "–" if value is None else str(value)


def _properties(flow: Flow) -> Any:
    return Property.objects.filter(object_type_id=flow.object_type_id, archived_at=None)

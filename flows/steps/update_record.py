"""Update record: set properties of everyone who passes. Whoever has the values already is not touched."""

from contextlib import suppress
from datetime import date
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from psycopg2.extras import Json

from accounts import members
from flows.models import Flow, Step
from flows.path import Path
from records import events
from records.criteria_references import References
from records.models import Property, PropertyType
from records.numbers import number_in_words
from records.property_rules import ValueReader
from records.values import JsonValue
from scheduling.words import full_date

from .base import Batch, Lack, SettingsError, StepKind, only

HOLD_PROPERTIES = """
select id, key, is_required, is_unique from records_property
where account_id = %(account)s and object_type_id = %(object_type)s and key = any(%(keys)s)
order by id for share
"""
RELEASE = """
delete from records_uniquevalue u using batch
where u.account_id = %(account)s and u.record_id = batch.record_id and u.property_id = any(%(unique)s)
  and batch.decision = 'continue'
"""


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
        errors, cleaned, reader = {}, {}, ValueReader()
        for key, value in given.items():
            try:
                cleaned[key] = _allowed(known[key], reader.read(known[key], value))
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
        known = _by_key(path, step)
        gone = gettext("The property “%s” is gone.")
        return [
            *(Lack("property_is_gone", gone % key, f"values.{key}") for key in given if key not in known),
            *(
                Lack("value_not_allowed", against, f"values.{key}")
                for key, each in known.items()
                if key in given
                and (against := _reason_against(each.label, given[key], each.is_required, each.is_unique))
            ),
        ]

    def summary(self, step: Step, path: Path) -> str:
        """ "Lifecycle stage = Customer"."""
        given, known = step.settings.get("values") or {}, _by_key(path, step)
        changes = [
            f"{known[key].label if key in known else key} = {_in_words(value, known.get(key), path)}"
            for key, value in given.items()
        ]
        return ", ".join(changes) or gettext("Nothing chosen")

    def references(self, settings: dict[str, Any], object_type: str) -> References:
        """The properties that it sets or clears."""
        return References(properties=frozenset((object_type, key) for key in settings.get("values") or {}))

    def run(self, batch: Batch) -> None:
        """Lock the records in id order (two flows updating the same people deadlock otherwise), then set.

        A property that has become required or unique since the step was saved is left as it is, should the step clear
        it or give it to many. It cannot become so meanwhile: its row is held.
        """
        given, unique = _still_allowed(batch, batch.step.settings["values"])
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
        if unique:
            batch.execute(RELEASE, unique=unique)


def _allowed(property: Property, value: JsonValue) -> JsonValue:
    """The value; raises ValueError when a step may not set it."""
    if against := _reason_against(property.label, value, property.is_required, property.is_unique):
        raise ValueError(against)
    return value


def _reason_against(label: str, value: JsonValue, is_required: bool, is_unique: bool) -> str:
    """Why a step may not set, or clear, a property; empty when it may."""
    if value is None and is_required:
        return gettext("%s is required: it cannot be cleared.") % label
    if value is not None and is_unique:
        return gettext("%s is unique: not everyone can get the same value.") % label
    return ""


def _still_allowed(batch: Batch, given: dict[str, JsonValue]) -> tuple[dict[str, JsonValue], list[int]]:
    """What the step may set and clear now, and the ids of the properties among them that are unique."""
    batch.execute(HOLD_PROPERTIES, object_type=batch.flow.object_type_id, keys=list(given))
    rows = batch.cursor.fetchall()
    against = {key for _id, key, *flags in rows if _reason_against(key, given[key], *flags)}
    allowed = {key: value for key, value in given.items() if key not in against}
    return allowed, [id for id, key, _is_required, is_unique in rows if is_unique and key in allowed]


def _by_key(path: Path, step: Step) -> dict[str, Property]:
    """The properties of the flow's records, by key."""
    return path.once("properties", lambda: {each.key: each for each in _properties(step.flow)})


def _in_words(value: Any, property: Property | None, path: Path) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if property is not None and property.type == PropertyType.OWNER and value is not None:
        return path.once("members", members.names).get(value, gettext("a member who has left"))
    if isinstance(value, int | float):
        return number_in_words(value)
    if value is not None and property is not None and property.type == PropertyType.DATE:
        with suppress(ValueError):  # the property was of another type when the step was saved
            return full_date(date.fromisoformat(str(value)))
    return "–" if value is None else str(value)


def _properties(flow: Flow) -> Any:
    return Property.objects.filter(object_type_id=flow.object_type_id, archived_at=None)

"""Changing a property that records have values of: its names, its options, what it asks for, and putting it away."""

from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.actors import Actor
from accounts.history import NotAllowed, record
from accounts.tenancy import current_account_id
from scheduling.clock import now

from . import unique_values
from .merging import one_at_a_time
from .models import Property, PropertyType
from .property_rules import rule_errors
from .refusals import Error, Invalid
from .schema import described_errors, option_errors
from .used_by import imports_under_way, in_use, users_of_option

CHANGEABLE: Final = ("label", "description", "options", "is_required", "is_unique", "default")
# How records are called, and where messages go.
NEEDED: Final = {"contact": frozenset({"email", "first_name", "last_name"})}
ALSO_NEEDED: Final = frozenset({"name"})  # of every other type
HOLDING: Final = """
select count(*) from records_record
where account_id = %(account)s and object_type_id = %(object_type)s
  and case when %(several)s then (properties -> %(key)s) ? %(option)s else properties ->> %(key)s = %(option)s end
"""


def change_property(property: Property, *, by: Actor, **wanted: Any) -> Property:
    """Set `label`, `description`, `options`, `is_required`, `is_unique` or `default`; records keep their values.

    Raises `Invalid` with those paths: an option that records, flows or lists hold, values that records share where
    the property is to be unique, a default that does not fit. Nothing is changed then.
    """
    held: Property = Property.objects.select_for_update().select_related("object_type").get(pk=property.pk)
    before = {name: getattr(held, name) for name in CHANGEABLE}
    after = {**before, **{name: _trimmed(value) for name, value in wanted.items() if name in CHANGEABLE}}
    if strange := sorted(set(wanted) - set(CHANGEABLE)):
        raise ValueError(f"These do not change: {', '.join(strange)}.")
    errors = [
        *described_errors(after["label"], after["description"]),
        *option_errors(held.type, after["options"]),
    ]
    for name, value in after.items():
        setattr(held, name, value)
    errors = errors or [*_lost_options(held, before["options"]), *rule_errors(held), *_unique_errors(held, before)]
    if errors:
        raise Invalid(errors)
    _keep_unique_values(held, was_unique=before["is_unique"])
    held.save(update_fields=CHANGEABLE)
    changes = {name: [before[name], getattr(held, name)] for name in CHANGEABLE if before[name] != getattr(held, name)}
    if changes:
        record(held, "changed", by=by, detail={"name": held.label, "changes": changes})
    return held


def archive_property(property: Property, *, by: Actor) -> None:
    """Put it away: no page or program offers it any more; records keep their values, and what uses it goes on with
    them (`used_by.users_of_property` says what does). A second time changes nothing. Raises NotAllowed("needed"), and
    NotAllowed("in_use") while an import brings values of it in.
    """
    if is_needed(property):
        raise NotAllowed("needed", _("Records are called by this property, or written to. It cannot be archived."))
    if property.archived_at is not None:
        return
    if uses := imports_under_way(property):
        raise NotAllowed("in_use", in_use(uses))
    property.archived_at = now()
    property.save(update_fields=["archived_at"])
    record(property, "archived", by=by, detail={"name": property.label})


def restore_property(property: Property, *, by: Actor) -> None:
    """Take it out again, with the values that records have. Raises NotAllowed("not_unique") when those are shared by
    now, though the property is unique."""
    if property.archived_at is None:
        return
    if property.is_unique:
        one_at_a_time(property.object_type)
        if unique_values.shared(property):
            raise NotAllowed("not_unique", _("Records share values of it by now, though it is unique."))
    property.archived_at = None
    property.save(update_fields=["archived_at"])
    record(property, "restored", by=by, detail={"name": property.label})


def is_needed(property: Property) -> bool:
    """Whether Flyt itself needs the property."""
    return property.key in NEEDED.get(property.object_type.key, ALSO_NEEDED)


def _trimmed(value: Any) -> Any:
    if isinstance(value, list):
        return [each.strip() for each in value]
    return value.strip() if isinstance(value, str) else value


def _lost_options(property: Property, before: list[str]) -> list[Error]:
    errors = []
    for option in before:
        if option in property.options:
            continue
        if held := _holding(property, option):
            message = ngettext(
                "%(n)d record has “%(option)s”. Change it first, or keep the option.",
                "%(n)d records have “%(option)s”. Change them first, or keep the option.",
                held,
            )
            errors.append(Error("options", message % {"n": held, "option": option}))
        elif uses := users_of_option(property, option):
            errors.append(Error("options", f"“{option}”: {in_use(uses)}"))
    return errors


def _holding(property: Property, option: str) -> int:
    """How many records have the option."""
    params: dict[str, Any] = {
        "account": current_account_id(),
        "object_type": property.object_type_id,
        "key": property.key,
        "option": option,
        "several": property.type == PropertyType.MULTIPLE_CHOICE,
    }
    with connection.cursor() as cursor:
        cursor.execute(HOLDING, params)
        return int(cursor.fetchone()[0])


def _unique_errors(property: Property, before: dict[str, Any]) -> list[Error]:
    if not property.is_unique or before["is_unique"] or property.type not in unique_values.FITTING:
        return []
    one_at_a_time(property.object_type)
    if shared := unique_values.shared(property):
        message = _("{n} records share a value of it with another. Make those differ first.")
        return [Error("is_unique", message.format(n=shared))]
    if long := unique_values.too_long(property):
        message = ngettext(
            "%(n)d record has a value of more than %(most)d characters, too long to be unique.",
            "%(n)d records have a value of more than %(most)d characters, too long to be unique.",
            long,
        )
        return [Error("is_unique", message % {"n": long, "most": unique_values.LONGEST})]
    return []


def _keep_unique_values(property: Property, *, was_unique: bool) -> None:
    if property.is_unique and not was_unique:
        unique_values.hold_all(property)
    elif was_unique and not property.is_unique:
        unique_values.forget_all(property)

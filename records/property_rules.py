"""What properties ask of records beside their type: a value, one of their own; and what new records begin with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from accounts.members import by_id_address_and_name
from accounts.models import Account
from accounts.tenancy import current_account_id

from . import phones, values
from .models import ObjectType, Property, PropertyType
from .refusals import Error
from .unique_values import FITTING
from .values import JsonValue, Members


@dataclass(frozen=True)
class Rules:
    """Of one object type. `required`: keys with their labels; `defaults`: by key; `unique`: the properties."""

    required: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, JsonValue] = field(default_factory=dict)
    unique: list[Property] = field(default_factory=list)

    def lacks(self, given: Mapping[str, JsonValue], *, is_new: bool) -> list[Error]:
        """The required values that a new record with `given` would not have, or that an old one would lose."""
        return [
            Error(f"properties.{key}", _("{property} is required.").format(property=label))
            for key, label in self.required.items()
            if (given.get(key) is None if is_new else key in given and given[key] is None)
        ]


def rules_of(object_type: ObjectType) -> Rules:
    """The rules that hold now, for the properties that are not archived; one query."""
    return _rules(Property.objects.filter(object_type=object_type, archived_at=None).order_by("pk"))


def _rules(properties: Iterable[Property]) -> Rules:
    found = Rules()
    for each in properties:
        if each.is_required:
            found.required[each.key] = each.label
        if each.default is not None:
            found.defaults[each.key] = each.default
        if each.is_unique:
            found.unique.append(each)
    return found


def rule_errors(property: Property) -> list[Error]:
    """What is wrong with the rules of a property that is about to be kept; its default is normalised on the way."""
    try:
        property.default = ValueReader().read(property, property.default)
    except ValueError as error:
        return [Error("default", str(error))]
    if property.is_unique and property.type not in FITTING:
        return [Error("is_unique", _("Only a text, number, e-mail, phone or web address can be unique."))]
    if property.is_unique and property.default is not None:
        return [Error("default", _("A unique property has no default: a second record could not have it."))]
    return []


class ValueReader:
    """Reads values as the current account means them: in its country and zone, and with its members as owners."""

    def read(self, property: Property, value: object) -> JsonValue:
        """The value as it is stored, None when it is blank. Raises ValueError with a sentence."""
        region, zone = phones.region(self._account.country), ZoneInfo(self._account.time_zone)
        return values.clean(property, value, region=region, zone=zone, members=self._members(property))

    def _members(self, property: Property) -> Members:
        return self._by_id_address_and_name if property.type == PropertyType.OWNER else {}

    @cached_property
    def _account(self) -> Account:
        return Account.objects.get(pk=current_account_id())

    @cached_property
    def _by_id_address_and_name(self) -> Members:
        return by_id_address_and_name()

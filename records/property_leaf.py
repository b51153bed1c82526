"""The condition about a property of a record, or about one of the columns that every record has."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from . import operators, phones, sentences, value_history
from .comparisons import by_index, comparison, has_value, is_known
from .leaves import Compiler, Leaf, Node, Reference, Subject, is_column
from .models import Consent, Property, PropertyType
from .operators import OPERATORS, Operator, Takes
from .refusals import Error, Invalid, legible
from .values import JsonValue


class PropertyLeaf(Leaf):
    """{"property": key, "operator": ..., "value": ..., "include_unknown": false}. Text is compared without case."""

    keys = frozenset({"operator", "value", "include_unknown"})

    def check(self, node: Node, subject: Subject) -> Iterator[Error]:
        """The property, its operator, a value that fits both."""
        key, name = node["property"], node.get("operator")
        property = subject.properties.get(key) if isinstance(key, str) else None
        if property is None:
            yield Error("property", _missing(key, subject))
            return
        known = {operator.name: operator for operator in operators.fitting_to(property)}
        if not isinstance(name, str) or name not in known:
            message = _("For {property} use one of: {operators}.")
            yield Error("operator", message.format(property=property.label, operators=", ".join(known)))
            return
        yield from _value_faults(known[name], property, node.get("value"), subject)
        unknown = node.get("include_unknown", False)
        if not isinstance(unknown, bool):
            yield Error("include_unknown", _("True or false."))
        elif unknown and not known[name].negates:
            message = _("Only a negative operator, such as ne, can include records without a value.")
            yield Error("include_unknown", message)

    def compile(self, node: Node, sql: Compiler) -> str:
        """NULL, for a record without a value, becomes the answer that the node gives for those."""
        property, operator = sql.subject.properties[node["property"]], OPERATORS[node["operator"]]
        if operator.name in ("known", "unknown"):
            known = is_known(property, sql)
            return known if operator.name == "known" else f"(not {known})"
        operands = _operands(operator, property, node.get("value"), sql.subject)
        if operator.asks_history:
            include_unknown = bool(node.get("include_unknown"))
            return value_history.condition(operator, property, operands, sql, include_unknown=include_unknown)
        if property.type == PropertyType.PHONE and operator.takes is Takes.PART:
            operands = [*phones.parts(str(operands[0]), operator.negates or operator.name)]
        if operator.negates:
            positive = comparison(OPERATORS[operator.negates], property, operands, sql)
            if node.get("include_unknown"):
                return f"coalesce(not {positive}, true)"
            # Two properties are compared as they are taken out of the JSON, and NULL without one.
            value = "" if operator.takes is Takes.PROPERTY else has_value(property, sql)
            return f"coalesce({value} and not {positive}, false)" if value else f"coalesce(not {positive}, false)"
        indexed = by_index(operator, property, operands, sql)
        compared = comparison(operator, property, operands, sql)
        # An index is not found behind coalesce(), so what has one of its own stands bare, without NULL all the same.
        if indexed.endswith("is not null"):
            return f"({indexed} and {compared})"
        return f"({indexed} and coalesce({compared}, false))" if indexed else f"coalesce({compared}, false)"

    def describe(self, node: Node, subject: Subject) -> str:
        """As in "Score is at least 50"."""
        property, operator = subject.properties[node["property"]], OPERATORS[node["operator"]]
        operands = _operands(operator, property, node.get("value"), subject)
        names = _names(operator, property, operands, subject)
        said = sentences.sentence(operator, property.label, property.type, operands, names)
        return _("{condition} or unknown").format(condition=said) if node.get("include_unknown") else said

    def references(self, node: Node, object_type: str) -> Iterator[Reference]:
        """The property, and the one it is compared with."""
        yield Reference("property", object_type, str(node["property"]))
        operator = OPERATORS.get(str(node.get("operator")))
        if operator and operator.takes is Takes.PROPERTY:
            yield Reference("property", object_type, str(node.get("value")))

    def is_time_dependent(self, node: Node) -> bool:
        """With a relative date, of the value or of its changes."""
        operator = OPERATORS.get(str(node.get("operator")))
        return operator is not None and operator.is_relative


def _missing(key: object, subject: Subject) -> str:
    kind = subject.object_type
    gone = Property.objects.filter(account_id=kind.account_id, object_type_id=kind.pk, archived_at__isnull=False)
    archived = subject.once("archived", lambda: dict(gone.values_list("key", "label")))
    if isinstance(key, str) and key in archived:
        return _("The property “%s” is archived.") % archived[key]
    return _("There is no property “{key}” of {kind}.").format(key=legible(key), kind=kind.name)


def _operands(operator: Operator, property: Property, value: object, subject: Subject) -> list[JsonValue]:
    region = subject.region if property.type == PropertyType.PHONE else None
    return operators.operands(operator, property, value, region=region)


def _value_faults(operator: Operator, property: Property, value: object, subject: Subject) -> Iterator[Error]:
    try:
        operands = _operands(operator, property, value, subject)
    except Invalid as refusal:
        yield from refusal.errors
        return
    if operator.takes is Takes.PROPERTY:
        other = subject.properties.get(str(operands[0]))
        if other is None or other.key == property.key or other.type != property.type:
            yield Error("value", _("Give the key of another property of the same type."))
    elif property.type == PropertyType.OWNER and operator.takes is not Takes.DAYS and not subject.stored:
        for number, member in enumerate(operands):
            if member not in subject.members:
                path = f"value.{number}" if operator.takes is Takes.MANY else "value"
                yield Error(path, _("There is no member {id} in the account.").format(id=legible(member)))


def _names(operator: Operator, property: Property, operands: list[JsonValue], subject: Subject) -> Mapping[Any, str]:
    """What values are called, where it is not what is stored."""
    if operator.takes is Takes.PROPERTY:
        return {key: each.label for key, each in subject.properties.items()}
    if property.type == PropertyType.OWNER and operator.takes is not Takes.DAYS:
        members = (int(str(operand)) for operand in operands)
        return {member: subject.members.get(member) or _("a member who is gone") for member in members}
    if is_column(property) and property.key == "consent":
        return {consent.value: str(consent.label).lower() for consent in Consent}
    return {}

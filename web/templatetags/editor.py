"""The small print of the editor's fields: their ids, and what is wrong with them."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from web.criteria_builder import Vocabulary, operator_choices, value_field
from web.criteria_rows import Row

register = template.Library()


@register.filter
def slug(name: str) -> str:
    """A field's name as part of an id."""
    return str(name).replace(".", "-").replace(" ", "-")


@register.simple_tag(takes_context=True)
def fault(context: Mapping[str, Any], name: str) -> SafeString:
    """The place beside a field where its fault stands, if it has any."""
    message = (context.get("faults") or {}).get(name, "")
    return format_html(
        '<p class="field-error" id="fault-{}" data-fault="{}"{}>{}</p>',
        slug(name),
        name,
        "" if message else SafeString(" hidden"),
        message,
    )


@register.simple_tag(takes_context=True)
def faulty(context: Mapping[str, Any], name: str) -> SafeString:
    """The attributes of a field that tie it to its fault."""
    message = (context.get("faults") or {}).get(name, "")
    return format_html(
        'aria-describedby="fault-{}"{}', slug(name), SafeString(' aria-invalid="true"') if message else ""
    )


@register.simple_tag
def value_of(mapping: Mapping[Any, Any], key: Any) -> Any:
    """What a mapping has under a key; None for nothing."""
    return mapping.get(key)


@register.simple_tag
def operators_of(property: Any) -> list[tuple[str, str]]:
    """The operators that fit a property; none without one."""
    return operator_choices(property) if property else []


@register.simple_tag
def field_of(row: Row, property: Any) -> str:
    """Which kind of field a condition's value takes."""
    return value_field(row, property)


@register.simple_tag
def choices_of(vocabulary: Vocabulary, row: Row, property: Any) -> list[tuple[str, str, bool]]:
    """The values that a condition may name, what they are called, and whether it does."""
    return [(value, label, value in row.values) for value, label in vocabulary.choices_for(row, property)]


@register.simple_tag
def properties_like(vocabulary: Vocabulary, property: Any) -> list[tuple[str, str]]:
    """The other properties that a property may be compared with."""
    return vocabulary.like(property)

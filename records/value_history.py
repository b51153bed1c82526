"""Conditions about what a property was, and when it changed: by the changes that the log of events tells.

A change is written with the value before and the one after, so together with the value of now they are all that the
record had since the oldest event that is kept.
"""

import json

from .comparisons import JSON_SCALARS, comparison, folded, is_exact, is_known
from .leaves import Compiler
from .models import Property
from .operators import OPERATORS, Operator, Takes
from .values import JsonValue

CHANGED = "record_updated"  # its detail: {"changes": {key: [old, new]}}


def condition(
    operator: Operator, property: Property, operands: list[JsonValue], sql: Compiler, *, include_unknown: bool
) -> str:
    """Of an operator that asks the history; never NULL. A negative one takes records that have no value now only
    with `include_unknown`, as everywhere."""
    positive = OPERATORS[operator.negates] if operator.negates else operator
    if positive.takes is Takes.DAYS:
        held = _changed(_within(int(str(operands[0])), property, sql), sql)
    else:
        now = comparison(OPERATORS["eq"], property, operands, sql)
        held = f"(coalesce({now}, false) or {_changed(_one_was(operands[0], property, sql), sql)})"
    if not operator.negates:
        return held
    return f"(not {held})" if include_unknown else f"({is_known(property, sql)} and not {held})"


def _changed(how: str, sql: Compiler) -> str:
    """By the index of a record's events, or the other way round: the planner chooses by how many ask."""
    return (
        f"exists (select 1 from records_event {_alias(sql)} where {_alias(sql)}.account_id = {sql.account}"
        f" and {_alias(sql)}.record_id = {sql.record}.id and {_alias(sql)}.kind = {sql.bind(CHANGED)} and {how})"
    )


def _within(days: int, property: Property, sql: Compiler) -> str:
    """Whole days in the zone of the question, today among them."""
    start, end = (sql.bind(sql.midnight(away)) for away in (-days, 1))
    at, told = f"{_alias(sql)}.at", f"{_alias(sql)}.detail #> {_path(property, sql)}"
    return f"{at} >= {start} and {at} < {end} and {told} is not null"


def _one_was(asked: JsonValue, property: Property, sql: Compiler) -> str:
    """The value before the change, or the one after it; true, false or NULL."""
    if property.type in JSON_SCALARS:
        sides = (f"{_alias(sql)}.detail #> {_path(property, sql, side)}" for side in "01")
        value = f"{sql.bind(json.dumps(asked))}::jsonb"
    else:
        sides = (folded(property, f"({_alias(sql)}.detail #>> {_path(property, sql, side)})") for side in "01")
        value = f"{sql.bind(asked)}::text" if is_exact(property) else f"lower({sql.bind(asked)}::text)"
    return f"{value} in ({', '.join(sides)})"


def _path(property: Property, sql: Compiler, *side: str) -> str:
    return f"{sql.bind(['changes', property.key, *side])}::text[]"


def _alias(sql: Compiler) -> str:
    return f"{sql.prefix}_change"

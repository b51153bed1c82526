"""Comparing what a record has with what a condition asks, in SQL."""

import json
import re
from functools import partial

from .leaves import Compiler, is_column
from .models import SEARCHED, Property, PropertyType
from .operators import DATES, NUMBERS, TEXTS, Operator, Takes
from .spans import anniversaries, as_moment, span
from .values import JsonValue

SHORTEST_SEARCHED = 3  # characters: what the index of the search text can look for
SPECIAL, ESCAPED = re.compile(r"([\\%_])"), r"\\\1"  # what LIKE takes for more than itself
MOMENT = """to_char({column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
JSON_SCALARS = NUMBERS | {PropertyType.BOOLEAN}
LOWEST = "-1e30"  # no number is less


def stored(property: Property, sql: Compiler) -> str:
    """The record's value in the type to compare in; NULL without one, or with one of another type."""
    if is_column(property):
        column = f"{sql.record}.{property.key}"
        return MOMENT.format(column=column) if property.type == PropertyType.DATETIME else column
    if _is_address(property):
        return f"{sql.record}.email"
    key = sql.bind(property.key)
    value, text = f"{sql.record}.properties -> {key}", f"({sql.record}.properties ->> {key})"
    if property.type in NUMBERS:
        return f"(case when jsonb_typeof({value}) = 'number' then {text}::numeric end)"
    if property.type == PropertyType.BOOLEAN:
        return f"(case when jsonb_typeof({value}) = 'boolean' then {text}::boolean end)"
    if property.type == PropertyType.MULTIPLE_CHOICE:
        return f"(case when jsonb_typeof({value}) = 'array' then nullif({value}, '[]') end)"
    return f'({text} collate "C")' if property.type in DATES else text


def is_known(property: Property, sql: Compiler) -> str:
    """Whether the record has a value, and of the property's type: true or false."""
    return _truth(has_value(property, sql) or f"({stored(property, sql)} is not null)")


def has_value(property: Property, sql: Compiler) -> str:
    """What a negated comparison needs beside it, where it is not NULL without a value; "" for nothing."""
    if property.type not in JSON_SCALARS or is_column(property):
        return ""
    if property.type == PropertyType.BOOLEAN:
        return _path("{value} == true || {value} == false", property, sql)
    return _path(f"{{value}} > {LOWEST}", property, sql)


def comparison(operator: Operator, property: Property, operands: list[JsonValue], sql: Compiler) -> str:
    """Of an operator that negates none; false or NULL when the record has no value, or one of another type."""
    if operator.takes is Takes.PROPERTY:
        return _with_another(operator.name, property, sql.subject.properties[str(operands[0])], sql)
    if property.type in DATES:
        return _of_date(operator, property, operands, sql)
    if property.type in JSON_SCALARS and not is_column(property):
        return _of_json(operator.name, property, operands, sql)
    here = stored(property, sql)
    if property.type == PropertyType.BOOLEAN:
        return f"({here} = {sql.bind(operands[0])}::boolean)"
    if property.type == PropertyType.MULTIPLE_CHOICE:
        return _of_choices(operator.name, here, operands, sql)
    return _of_text(operator.name, folded(property, here), operands, sql, is_exact=is_exact(property))


def by_index(operator: Operator, property: Property, operands: list[JsonValue], sql: Compiler) -> str:
    """What is true of every record that meets the comparison and can be looked up by an index; "" for nothing.

    The column `email` has one of its own, and so has the external id; the search text finds parts of three characters.
    """
    if _is_address(property) and operator.name in ("eq", "in"):
        return f"{sql.record}.email is not null"
    if is_column(property) and property.key == "external_id" and operator.name in ("eq", "in"):
        return f"{sql.record}.external_id is not null"
    if property.key not in SEARCHED or property.type not in TEXTS or is_column(property):
        return ""
    words = [str(operand) for operand in operands]
    if operator.takes not in (Takes.ONE, Takes.PART, Takes.MANY) or min(map(len, words)) < SHORTEST_SEARCHED:
        return ""
    parts = [_as_searched(operator.name, SPECIAL.sub(ESCAPED, word), property) for word in words]
    # The account once more, of the type that this index is made of. As an array: two equations would be made one.
    mine = f"{sql.record}.account_id = any(array[{sql.account}]::bigint[])"
    if len(parts) == 1:
        return f"{mine} and {sql.record}.search_text like lower({sql.bind(parts[0])}::text)"
    alternatives = ", ".join(f"lower({sql.bind(part)}::text)" for part in parts)
    return f"{mine} and {sql.record}.search_text like any(array[{alternatives}])"


def _as_searched(name: str, word: str, property: Property) -> str:
    """The pattern of a word in the search text, where every value stands behind a blank, the last one at the end and
    all others before a blank: a name that is asked for whole is not looked for within others."""
    end = "" if property.key == SEARCHED[-1] else " %"
    return {
        "eq": f"% {word}{end}",
        "in": f"% {word}{end}",
        "starts_with": f"% {word}%",
        "ends_with": f"%{word}{end}",
    }.get(name, f"%{word}%")


def _path(template: str, property: Property, sql: Compiler) -> str:
    """A predicate about the `{value}` as JSON; NULL without one, and with one of another type."""
    predicate = template.format(value=f"$.{json.dumps(property.key)}")
    return f"({sql.record}.properties @@ {sql.bind(f'strict {predicate}')}::jsonpath)"


def _is_address(property: Property) -> bool:
    return property.key == "email" and property.type == PropertyType.EMAIL


def is_exact(property: Property) -> bool:
    """Whether case counts: in ids of other systems, and not in choices, which are stored as the option is written."""
    return property.type == PropertyType.CHOICE or (is_column(property) and property.key == "external_id")


def folded(property: Property, text: str) -> str:
    """Without regard to case. Addresses are stored in lower case already, and the column keeps its index that way."""
    return text if property.type == PropertyType.EMAIL or is_exact(property) else f"lower({text})"


def _with_another(name: str, property: Property, other: Property, sql: Compiler) -> str:
    sign = {"eq_property": "=", "lt_property": "<", "gt_property": ">"}[name]
    is_text = property.type not in NUMBERS | DATES | {PropertyType.BOOLEAN}
    here, there = (f"lower({each})" if is_text else each for each in (stored(property, sql), stored(other, sql)))
    return f"({here} {sign} {there})"


def _of_date(operator: Operator, property: Property, operands: list[JsonValue], sql: Compiler) -> str:
    if operator.name in ("is_anniversary_today", "anniversary_in_next_days"):
        days = anniversaries(sql.today, int(str(operands[0])) if operands else 0)
        return f"(substr({stored(property, sql)}, 6) = any({sql.bind(days)}::text[]))"
    is_date = property.type == PropertyType.DATE
    edges = span(operator.name, operands, today=sql.today, zone=sql.zone, is_date=is_date)
    if is_column(property):
        column, (start, end) = f"{sql.record}.{property.key}", map(sql.bind, map(as_moment, edges))
        return f"({column} >= {start}::timestamptz and {column} < {end}::timestamptz)"
    here, (start, end) = stored(property, sql), map(sql.bind, edges)
    # The length last, asked of few: a number that came here is no date, though it may stand between two.
    length = len("YYYY-MM-DD" if is_date else "YYYY-MM-DDTHH:MM:SSZ")
    return f"({here} >= {start} and {here} < {end} and length({here}) = {length})"


def _of_choices(name: str, here: str, operands: list[JsonValue], sql: Compiler) -> str:
    chosen = f"{sql.bind(operands)}::text[]"
    if name == "is_exactly":
        return f"({here} ?& {chosen} and jsonb_array_length({here}) = {sql.bind(len(set(map(str, operands))))})"
    return f"({here} {'?|' if name == 'contains_any' else '?&'} {chosen})"


def _of_json(name: str, property: Property, operands: list[JsonValue], sql: Compiler) -> str:
    """Numbers and truth compared inside the JSON: taking one out of it costs more than comparing it does."""
    asked = [json.dumps(operand) for operand in operands]
    if name == "in":
        here = f"({sql.record}.properties -> {sql.bind(property.key)})"
        return f"({here} = any({sql.bind(asked)}::jsonb[]))"
    if name == "eq":
        whole = sql.bind(json.dumps({property.key: operands[0]}))
        return _late(f"({sql.record}.properties @> {whole}::jsonb)")
    template = {
        "between": f"{{value}} >= {asked[0]} && {{value}} <= {asked[-1]}",
        "lt": f"{{value}} < {asked[0]}",
        "lte": f"{{value}} <= {asked[0]}",
        "gt": f"{{value}} > {asked[0]}",
        "gte": f"{{value}} >= {asked[0]}",
    }[name]
    return _late(_path(template, property, sql))


def _truth(said: str) -> str:
    """Without NULL. In the planner's eyes it costs two operators, and is asked after whose record it is, which costs
    one: the records of others that a scan passes are not asked at all."""
    return f"({said} is not distinct from true)"


def _late(said: str) -> str:
    """Without NULL, and asked after the texts, which cost three: to the planner every operator costs the same."""
    return _truth(_truth(_truth(said)))


def _of_text(name: str, here: str, operands: list[JsonValue], sql: Compiler, *, is_exact: bool) -> str:
    fold = partial(str.format, "{}::text" if is_exact else "lower({}::text)")
    if name == "in":
        if is_exact:
            return f"({here} = any({sql.bind(operands)}::text[]))"
        words = f"select lower(word) from unnest({sql.bind(operands)}::text[]) word"
        return f"({here} = any(array({words})))"
    template = {
        "eq": "({here} = {word})",
        "contains": "(strpos({here}, {word}) > 0)",
        "starts_with": "starts_with({here}, {word})",
        "ends_with": "(right({here}, length({word})) = {word})",
    }[name]
    found = [template.format(here=here, word=fold(sql.bind(operand))) for operand in operands]
    return f"({' or '.join(found)})" if found[1:] else found[0]

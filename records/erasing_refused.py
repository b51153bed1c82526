"""The rows of files that were not taken and are about a person who is to be erased.

Nothing ties such a row to a record. It goes when one of its cells is the person's address or phone number, however
that is written, or when the cell of the column that fills the external id or the id is the record's. What cannot be
told, such as a row with nothing but a name, goes after `pruning.REFUSED_ROWS_KEPT`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import phonenumbers
from django.db import connection

from accounts.tenancy import current_account_id

from .models import Property, PropertyType
from .phones import trunk_of

GAPS: Final = " \t\u00a0\u202f+().-–/"  # what people write between the digits of a number, and before them
FEWEST_DIGITS: Final = 6  # of a number that is looked for in every column: fewer may be anything
WHO: Final = """
select r.id, r.object_type_id, r.external_id,
  array(select r.properties ->> key from unnest(%(email)s::text[]) key where r.properties ->> key is not null),
  array(select r.properties ->> key from unnest(%(phone)s::text[]) key where r.properties ->> key is not null)
from records_record r where r.account_id = %(account)s and r.id = any(%(records)s::bigint[])
"""
DELETE: Final = """
delete from records_refusedrow w using records_import i
where i.account_id = %(account)s and w.account_id = %(account)s and w.source_id = i.id and (
  exists (
    select 1 from jsonb_path_query(w.values, '$.*[*]') value, lateral (select value #>> '{}' as cell) as of_it
    where lower(btrim(cell)) = any(%(addresses)s::text[])
      or ltrim(translate(cell, %(gaps)s, ''), '0') = any(%(numbers)s::text[]))
  or exists (
    select 1 from jsonb_each(i.mapping) target
    where target.value = '{"field": "id"}' and btrim(w.values ->> target.key) = any(%(ids)s::text[])
      or target.value = '{"field": "external_id"}'
        and (i.object_type_id, btrim(w.values ->> target.key)) in
          (select * from unnest(%(types)s::bigint[], %(external_ids)s::text[]))))
"""


@dataclass
class _Marks:
    """By what rows about some records are told."""

    ids: list[str] = field(default_factory=list)
    types: list[int] = field(default_factory=list)  # of the records that have the external ids
    external_ids: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)


def delete_rows_about(record_ids: Sequence[int]) -> None:
    """Delete the rows that name one of these records, which are still there. Inside the account's scope."""
    params: dict[str, Any] = {"account": current_account_id(), "records": list(record_ids)}
    for type in (PropertyType.EMAIL, PropertyType.PHONE):
        params[type.value] = list(Property.objects.filter(type=type).values_list("key", flat=True).distinct())
    marks = _Marks()
    with connection.cursor() as cursor:
        cursor.execute(WHO, params)
        for id, object_type, external_id, addresses, numbers in cursor.fetchall():
            marks.ids.append(str(id))
            marks.addresses += addresses
            marks.numbers += [written for number in numbers for written in as_written(number)]
            if external_id:
                marks.types.append(object_type)
                marks.external_ids.append(external_id)
        if marks.ids:
            cursor.execute(DELETE, {**params, **vars(marks), "gaps": GAPS})


def as_written(number: str) -> Iterator[str]:
    """The digits of a stored number as people write them, without the zeros in front: whole, within its country, and
    with what is dialled there before it, as in +47 (0) 22 34 56 78."""
    digits = re.sub(r"[^0-9]", "", number.partition(";")[0])
    forms = {digits}
    if number.startswith("+"):
        try:
            code = str(phonenumbers.parse(number).country_code)
        except phonenumbers.NumberParseException:
            code = ""
        national, trunk = digits.removeprefix(code), trunk_of(code)
        forms |= {national, f"{trunk}{national}", f"{code}0{national}", f"{code}{trunk}{national}"} if code else set()
    for form in forms:
        if len(bare := form.lstrip("0")) >= FEWEST_DIGITS:
            yield bare

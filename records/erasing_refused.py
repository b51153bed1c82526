"""The rows of files that were not taken and are about a person who is to be erased.

Nothing ties such a row to a record. It goes when the person's address or phone number stands anywhere in one of its
cells, however that is written, or when the cell of the column that fills the external id or the id is the record's.
What cannot be told, such as a row with nothing but a name, goes after `pruning.REFUSED_ROWS_KEPT`.

Every cell is taken apart once into the addresses and numbers in it, whole ones, and these are compared: an address or
a number that another one contains is somebody else's.
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

FEWEST_DIGITS: Final = 6  # of a number that is looked for in every column: fewer may be anything
SPACES: Final = "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
HYPHENS: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
QUOTES: Final = "\u2018\u2019\u201b\u0060\u00b4"
# What nobody sees, as around numbers that were copied from an address book.
UNSEEN: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
WRITTEN: Final[dict[str, Any]] = {
    "odd": SPACES + HYPHENS + QUOTES + UNSEEN,
    "plain": " " * len(SPACES) + "-" * len(HYPHENS) + "'" * len(QUOTES),  # shorter by what is left out
    # No address holds these, or hardly any: what stands between two of them, blanks around the @ or not.
    "address": r"""([^\s@<>()\[\],;:"\\|=?/“”„«»•·…]+)\s*@\s*([^\s@<>()\[\],;:"\\|=?/“”„«»•·…&#!*'+]+)""",
    "before": "'*.-!&#~",  # an address, as in '-kari@example.com'
    "after": "-._",
    "no_number": r"[^0-9 +().\-/]+",
    "gaps": " +().-/",
    "between": r" */ *| +- +|  +|\. +| +(?=[+(])",  # two numbers
    "blank": " \r\n" + SPACES,
    "fewest": FEWEST_DIGITS,
}
WHO: Final = """
select r.id, r.object_type_id, r.external_id,
  array(select r.properties ->> key from unnest(%(email)s::text[]) key where r.properties ->> key is not null),
  array(select r.properties ->> key from unnest(%(phone)s::text[]) key where r.properties ->> key is not null)
from records_record r where r.account_id = %(account)s and r.id = any(%(records)s::bigint[])
"""
# A piece of a number is one only behind another number: in +46 - 900 12 345 the first one is the country's.
DELETE: Final = """
delete from records_refusedrow w using records_import i
where i.account_id = %(account)s and w.account_id = %(account)s and w.source_id = i.id and (
  exists (
    select 1 from jsonb_path_query(w.values, '$.*[*]') value,
      lateral (select translate(lower(value #>> '{}'), %(odd)s, %(plain)s) as cell offset 0) as of_it
    where lower(btrim(value #>> '{}', %(blank)s)) = any(%(addresses)s::text[])
      or position('@' in cell) > 0 and exists (
        select 1 from regexp_matches(cell, %(address)s, 'g') found
        where ltrim(found[1], %(before)s) || '@' || rtrim(found[2], %(after)s) = any(%(addresses)s::text[]))
      or length(cell) - length(translate(cell, '0123456789', '')) >= %(fewest)s and exists (
        select 1 from regexp_split_to_table(cell, %(no_number)s) run,
          lateral (
            select ltrim(translate(run, %(gaps)s, ''), '0') as digits, null as earlier
            union all
            select ltrim(translate(piece, %(gaps)s, ''), '0'), lag(translate(piece, %(gaps)s, '')) over (order by n)
            from regexp_split_to_table(run, %(between)s) with ordinality as parted(piece, n) where piece ~ '[0-9]'
          ) number
        where digits = any(%(numbers)s::text[]) and (earlier is null or length(earlier) >= %(fewest)s)))
  or exists (
    select 1 from jsonb_each(i.mapping) target,
      lateral (select btrim(w.values ->> target.key, %(blank)s) as cell) as of_it
    where target.value = '{"field": "id"}' and cell = any(%(ids)s::text[])
      or target.value = '{"field": "external_id"}'
        and (i.object_type_id, cell) in (select * from unnest(%(types)s::bigint[], %(external_ids)s::text[]))))
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
            cursor.execute(DELETE, {**params, **vars(marks), **WRITTEN})


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

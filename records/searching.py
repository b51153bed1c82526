"""Finding records: by type, words of name, address or phone, external id and criteria; page by page.

Asked in the owner's role, bound to the account in every table: under row security neither the words nor the criteria
could use their indexes. Words of three letters and more may stand anywhere in a name, an address or a phone number;
shorter ones begin one. A search that looks like a phone number finds it however it is written.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _
from psycopg2.errors import QueryCanceled

from accounts.tenancy import current_account_id, every_account
from scheduling.clock import now

from . import criteria, phones
from .list_refresh import account_zone
from .models import ObjectType, Property, Record
from .refusals import Error, Invalid

PATIENCE: Final = 10_000  # milliseconds
MOST_WORDS: Final = 5
LONGEST: Final = 200  # characters of a search
MOST_SORTED: Final = 10_000  # records that are sorted by what no index has in order
NEAR: Final = 10_000  # the latest made, looked at one by one: a word that many have fills a page from them
A_PAGE: Final = 201  # and no more than this is looked for among them: the longest page, and whether there is more
FROM: Final = "from records_record r where {where}"
NEARBY: Final = """from (
  select * from records_record r
  where r.account_id = %(account)s and r.object_type_id = %(object_type)s and {behind} {order} limit %(near)s
) r where {where}"""
# Said so that the index of external ids, which begins with the type, is of use.
OF_ANY_TYPE: Final = "r.object_type_id = any(array(select id from records_objecttype where account_id = %(account)s))"
# What records may be sorted by beside their properties, and the types that PostgreSQL reads them back as.
COLUMNS: Final = {
    "external_id": "text",
    "consent": "text",
    "consent_at": "timestamptz",
    "former_employee": "boolean",
    "updated_at": "timestamptz",
}
# Long texts by how they begin: a place in the order holds the value, and fits in an address.
PROPERTY: Final = """case when jsonb_typeof(r.properties -> %(by)s) in ('string', 'array')
  then to_jsonb(left(r.properties ->> %(by)s, 100)) else nullif(r.properties -> %(by)s, 'null') end"""
NAME: Final = """left(lower(coalesce(
  nullif(concat_ws(' ', r.properties ->> 'first_name', r.properties ->> 'last_name'), ''),
  r.properties ->> 'name', r.email)), 100) collate flyt_text"""


class TooSlow(Exception):
    """Looking would take longer than anybody waits."""


class TooMany(Exception):
    """More than `MOST_SORTED` records are found, too many to sort."""


@dataclass(frozen=True)
class Place:
    """Where a record stands in an order: its id, and its value as text."""

    id: int
    value: str | None


@dataclass(frozen=True)
class Wanted:
    """Which records. Without an object type those of every type; criteria need one."""

    object_type: ObjectType | None = None
    search: str = ""
    tree: Any = None
    is_archived: bool = False
    email: str = ""
    external_id: str = ""


def ids(wanted: Wanted, *, limit: int, after: int | None = None, is_falling: bool = True) -> list[int]:
    """The ids of some records, the latest made first (or last), behind the id `after`.

    Inside the account's scope. Raises `Invalid` when the criteria make no sense and `TooSlow`.
    """
    where, params = _where(wanted, now())
    behind = "true" if after is None else f"r.id {'<' if is_falling else '>'} %(after)s"
    order = f"order by r.id {'desc' if is_falling else 'asc'}"
    params |= {"after": after, "limit": limit, "near": NEAR}
    if wanted.search and wanted.object_type is not None and limit <= A_PAGE:
        nearby = NEARBY.format(where=where, behind=behind, order=order)
        near = ask_as_owner(f"select r.id {nearby} {order} limit %(limit)s", params)
        if len(near) == limit:
            return [row[0] for row in near]
    found = FROM.format(where=f"{where} and {behind}")
    return [row[0] for row in ask_as_owner(f"select r.id {found} {order} limit %(limit)s", params)]


def count(wanted: Wanted, *, at_most: int | None = None, patience: int | None = None) -> int:
    """How many records there are; counting ends at `at_most`. Raises as `ids`, or after so many milliseconds."""
    where, params = _where(wanted, now())
    sql = f"select count(*) from (select 1 {FROM.format(where=where)} limit %(limit)s) found"
    return int(ask_as_owner(sql, {**params, "limit": at_most}, patience=patience)[0][0])


def sortable(object_type: ObjectType | None) -> list[str]:
    """What records may be sorted by: "id", "name", columns, and the keys of the type's properties."""
    always = ["id", "created_at", "name", *COLUMNS]
    if object_type is None:
        return always
    known = Property.objects.filter(object_type=object_type, archived_at=None).exclude(key="name")
    return [*always, *known.order_by("pk").values_list("key", flat=True)]


def order_of(text: str, object_type: ObjectType | None) -> tuple[str, bool]:
    """What "score" or "-score" sorts by, and whether it falls; raises `Invalid`, naming what there is."""
    by, known = text.removeprefix("-"), sortable(object_type)
    if by not in known:
        raise Invalid([Error("?ordering", _("Use one of: {names}.").format(names=", ".join(known)))])
    return "id" if by == "created_at" else by, text.startswith("-")


def sorted_places(
    wanted: Wanted, *, by: str, is_falling: bool, limit: int, offset: int = 0, after: Place | None = None
) -> list[Place]:
    """Records in the order of "name", a column or the key of a property, unknown values last, then the latest made.

    Behind the place `after`, which holds however many records come and go, or behind `offset` of them. Sorts all that
    are found: raises `TooMany` when they are more than `MOST_SORTED`, otherwise as `ids`.
    """
    if count(wanted, at_most=MOST_SORTED + 1) > MOST_SORTED:
        raise TooMany
    value, type = (NAME, "text") if by == "name" else (f"r.{by}", COLUMNS[by]) if by in COLUMNS else (PROPERTY, "jsonb")
    where, params = _where(wanted, now())
    params |= {"by": by, "offset": offset, "limit": limit}
    if after is not None:
        where += f" and ({_behind(value, type, after, is_falling)})"
        params |= {"after": after.value, "after_id": after.id}
    order = f"order by {value} {'desc' if is_falling else 'asc'} nulls last, r.id desc"
    sql = f"select r.id, ({value})::text {FROM.format(where=where)} {order} offset %(offset)s limit %(limit)s"
    return [Place(*row) for row in ask_as_owner(sql, params)]


def _behind(value: str, type: str, after: Place, is_falling: bool) -> str:
    if after.value is None:
        return f"({value}) is null and r.id < %(after_id)s"
    beyond, place = "<" if is_falling else ">", f"%(after)s::{type}"
    same = f"({value}) = {place} and r.id < %(after_id)s"
    return f"({value}) {beyond} {place} or ({same}) or ({value}) is null"


def records(found: list[int]) -> list[Record]:
    """The records with these ids, in their order, with their object types."""
    known = Record.objects.select_related("object_type").in_bulk(found)
    return [known[id] for id in found if id in known]


def _where(wanted: Wanted, moment: datetime) -> tuple[str, dict[str, Any]]:
    parts = ["r.account_id = %(account)s", f"r.archived_at is {'not ' if wanted.is_archived else ''}null"]
    params: dict[str, Any] = {"account": current_account_id()}
    if wanted.object_type is not None:
        parts.append("r.object_type_id = %(object_type)s")
        params["object_type"] = wanted.object_type.pk
        if wanted.tree is not None:
            found = criteria.compile(
                wanted.tree, object_type_id=wanted.object_type.pk, moment=moment, zone=account_zone()
            )
            parts.append(f"({found.sql})")
            params |= found.params
    elif wanted.search:
        parts.append(OF_ANY_TYPE)
    for name in ("email", "external_id"):
        if value := getattr(wanted, name):
            parts.append(f"r.{name} = %({name})s")
            params[name] = value
    if search := wanted.search.replace("\x00", "").strip()[:LONGEST]:
        sql, words = words_of(search)
        parts.append(sql)
        params |= words
    return " and ".join(parts), params


def words_of(search: str) -> tuple[str, dict[str, Any]]:
    """SQL that is true of a record `r` in which each word is found, and its parameters; `search` is not blank."""
    patterns = {}
    for number, word in enumerate(search.split()[:MOST_WORDS]):
        plain = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        patterns[f"word_{number}"] = f"%{plain}%" if len(word) > 2 else f"% {plain}%"
    found = "({})".format(" and ".join(f"r.search_text like lower(%({name})s)" for name in patterns))
    if (part := phones.searched(search)) not in ("", search):
        patterns["number"] = f"%{part}%"
        found += " or r.search_text like %(number)s"  # an arm of its own: each may use the index
    exact = [search, search.upper(), search.lower()]
    return f"({found} or r.external_id = any(%(exact)s::text[]))", {**patterns, "exact": exact}


def ask_as_owner(sql: str, params: dict[str, Any], *, patience: int | None = None) -> list[tuple[Any, ...]]:
    """The rows of a search, which names its account itself; raises `TooSlow` after so many milliseconds."""
    with every_account(), connection.cursor() as cursor:
        cursor.execute("select current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        try:
            with transaction.atomic():
                cursor.execute("select set_config('statement_timeout', %s, true)", [str(patience or PATIENCE)])
                cursor.execute(sql, params)
                found = list(cursor.fetchall())
                cursor.execute("select set_config('statement_timeout', %s, true)", [before])
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise TooSlow from error
            raise
    return found

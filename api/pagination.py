"""Pages by cursor: the next one starts after the last row of this one, however many rows come and go."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from records.searching import Place

from .errors import Invalid
from .shapes import Shape

DEFAULT, MOST = 50, 200
_signer = Signer(salt="api.pagination")


class PageQuery(Shape):
    """The parameters of every list."""

    limit = serializers.IntegerField(
        min_value=1, max_value=MOST, default=DEFAULT, help_text="How many results at most."
    )
    cursor = serializers.CharField(
        required=False, max_length=4_000, help_text="Where to go on: taken from `next` of the page before."
    )


def page(
    rows: QuerySet[Any],
    request: Request,
    query: Mapping[str, Any],
    show: Callable[[Sequence[Any]], Any],
    *,
    order: Sequence[str] = ("id",),
    closing: Any = None,
) -> Response:
    """One page of `rows` by the fields of `order`, all rising, or all falling with a leading "-".

    `show` turns the rows into what the answer holds. `query` is what PageQuery, or a shape that extends it, read.
    `closing`: what stands behind the last row, as shown; it takes the place of a row on its page.
    """
    fields = [name.removeprefix("-") for name in order]
    if cursor := query.get("cursor"):
        rows = rows.filter(_after(fields, _read(cursor, len(fields)), is_falling=order[0].startswith("-")))
    found = list(rows.order_by(*order)[: query["limit"] + 1])
    shown, closed = found[: query["limit"]], [] if closing is None else [closing]
    if len(found) + len(closed) > query["limit"]:
        return Response({"results": show(shown), "next": _address(request, fields, shown[-1])})
    return Response({"results": [*show(shown), *closed], "next": None})


def page_by_id(
    find: Callable[[int | None, int], Sequence[Any]],
    request: Request,
    query: Mapping[str, Any],
    show: Callable[[Sequence[Any]], Any],
) -> Response:
    """One page of what `find`, given the id to go on behind and how many at most, brings in the order of ids."""
    after = _read(cursor, 1)[0] if (cursor := query.get("cursor")) else None
    if after is not None and not isinstance(after, int):
        raise Invalid(("?cursor", _("This is no cursor of this list: take it from next.")))
    found = find(after, query["limit"] + 1)
    shown = found[: query["limit"]]
    following = _address(request, ["id"], shown[-1]) if len(found) > len(shown) else None
    return Response({"results": show(shown), "next": following})


def page_sorted(
    find: Callable[[Place | None, int], Sequence[Place]],
    get: Callable[[list[int]], Sequence[Any]],
    request: Request,
    query: Mapping[str, Any],
    show: Callable[[Sequence[Any]], Any],
) -> Response:
    """One page of what `find`, given the place to go on behind, brings in the order that `query["ordering"]` names.

    `get` turns ids into rows. A cursor holds for the order that it was made in.
    """
    after = None
    if cursor := query.get("cursor"):
        order, [value], id, _mark = _read(cursor, 4)
        if order != query["ordering"]:
            raise Invalid(("?cursor", _("This is no cursor of this list: take it from next.")))
        after = Place(id, value)
    found = find(after, query["limit"] + 1)
    shown = found[: query["limit"]]
    more = len(found) > len(shown)
    following = _address_of(request, [query["ordering"], [shown[-1].value], shown[-1].id, "sorted"]) if more else None
    return Response({"results": show(get([each.id for each in shown])), "next": following})


def _after(fields: Sequence[str], values: Sequence[Any], *, is_falling: bool) -> Q:
    """Rows after a place: (a, b) > (x, y), written so that the first field can use its index."""
    beyond = "lt" if is_falling else "gt"
    place, condition = Q(), Q(pk__in=[])
    for name, value in zip(fields, values, strict=True):
        condition |= place & Q(**{f"{name}__{beyond}": value})
        place &= Q(**{name: value})
    return Q(**{f"{fields[0]}__{beyond}e": values[0]}) & condition


def _address(request: Request, fields: Sequence[str], last: Model) -> str:
    return _address_of(request, [getattr(last, name) for name in fields])


def _address_of(request: Request, values: Sequence[Any]) -> str:
    text = json.dumps([value.isoformat() if isinstance(value, datetime) else value for value in values])
    cursor = _signer.sign(base64.urlsafe_b64encode(text.encode()).decode())
    parameters = request.query_params.copy()
    parameters["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")


def _read(cursor: str, length: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(_signer.unsign(cursor)))
    except (BadSignature, ValueError):
        values = []
    if len(values) != length:
        raise Invalid(("?cursor", _("This is no cursor of this list: take it from next.")))
    return [parse_datetime(value) or value if isinstance(value, str) else value for value in values]

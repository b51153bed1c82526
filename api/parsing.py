"""Reads the body of a request, and refuses what would only fail later and worse."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from .errors import Invalid

# Escapes that may stand for a null character or half a pair: text that PostgreSQL cannot hold.
SUSPECT = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


class JsonParser(BaseParser):
    """JSON in UTF-8. Refuses NaN, numbers without end, null characters and halves of surrogate pairs."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The decoded body; raises ParseError when it is no JSON, Invalid when its text cannot be stored."""
        body = (parser_context or {})["request"]._request.body
        try:
            document = json.loads(body.decode("utf-8-sig"), parse_float=_number, parse_constant=_refuse)
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8.")) from None
        except ValueError as error:
            raise ParseError(_("The body is not JSON: {error}.").format(error=error)) from None
        if SUSPECT.search(body) and (places := list(_unstorable(document, ""))):
            raise Invalid(*((place, _("Leave out null characters and half characters.")) for place in places))
        return document


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(_("{number} is too large").format(number=text))
    return number


def _refuse(text: str) -> float:
    raise ValueError(_("{number} is no number").format(number=text))


def _unstorable(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _unstorable(key, path)
            yield from _unstorable(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unstorable(inner, f"{path}.{index}" if path else str(index))

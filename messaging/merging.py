"""Merge fields: Liquid in a sandbox that ends in bounded time and memory, whatever a content says."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from liquid import Environment, soft_str
from liquid.context import RenderContext
from liquid.exceptions import LiquidError
from liquid.filter import sequence_filter, string_filter, with_context
from liquid.template import BoundTemplate
from liquid.token import Token

MAX_SOURCE: Final = 500_000  # characters of a subject, text or HTML
MAX_CODE: Final = 20_000  # characters inside {{ }} and {% %}: with MAX_ITERATIONS it bounds the work
MAX_ITERATIONS: Final = 1_000  # of all loops together
MAX_OUTPUT: Final = 1_000_000  # bytes
MAX_VALUE: Final = 100_000  # characters or items of any one value that goes into or comes out of a filter
MAX_NUMBER: Final = 10**30
MAX_SECONDS: Final = 2.0

CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
DATE_FORMAT = re.compile(r"(?:[^%]|%[-_^0#]?[A-Za-z%])*")

# Includes, partials and what has no use in a message stay out.
TAGS_LEFT_OUT = ("include", "render", "tablerow", "increment", "decrement", "liquid")
FILTERS = (
    "abs", "at_least", "at_most", "ceil", "divided_by", "floor", "minus", "modulo", "plus", "round", "times",
    "append", "capitalize", "downcase", "escape", "escape_once", "lstrip", "newline_to_br", "prepend", "remove",
    "remove_first", "replace_first", "rstrip", "slice", "split", "squish", "strip", "strip_html", "strip_newlines",
    "truncate", "truncatewords", "upcase", "url_encode", "default", "first", "last", "reverse", "size", "sort",
)  # fmt: skip


class MergeError(ValueError):
    """A template that cannot be parsed or rendered, with a message for whoever writes it."""


class _Context(RenderContext):
    """Counts loops and seconds over the whole template. Liquid's own limits count each loop alone."""

    __slots__ = ("iterations", "stop_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.iterations = 0
        self.stop_at = time.monotonic() + MAX_SECONDS

    def assign(self, key: str, val: Any) -> None:
        self._check_time()
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.iterations += length
        if self.iterations > MAX_ITERATIONS:
            raise MergeError(_("Loops may run %(limit)s times in all.") % {"limit": MAX_ITERATIONS})
        self._check_time()

    def stopindex(self, key: str, index: int | None = None) -> int:
        # Called before a loop's items are listed: `reversed` would make a list of a range of billions.
        self.raise_for_loop_limit(0 if index is None or index <= MAX_ITERATIONS else index)
        return super().stopindex(key, index)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        apply = super().filter(name, token)

        def limited(*values: object, **named: object) -> object:
            self._check_time()
            for value in (*values, *named.values()):
                _refuse_giant(value)
            result = apply(*values, **named)
            _refuse_giant(result)
            return result

        return limited

    def _check_time(self) -> None:
        if time.monotonic() > self.stop_at:
            raise MergeError(_("It takes too long to fill in the merge fields."))


class _Template(BoundTemplate):
    context_class = _Context


class _Sandbox(Environment):
    template_class = _Template
    context_depth_limit = 20
    local_namespace_limit = MAX_OUTPUT
    output_stream_limit = MAX_OUTPUT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """The standard tags and filters that make sense in a message."""
        super().setup_tags_and_filters(extra=extra)
        for name in TAGS_LEFT_OUT:
            del self.tags[name]
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.filters |= {"date": _format_date, "join": _join, "replace": _replace}


@lru_cache(maxsize=128)
def parse(source: str, *, escape: bool) -> BoundTemplate:
    """A template ready to render; `escape` for HTML. Raises `MergeError` naming the line and what is wrong."""
    if len(source) > MAX_SOURCE:
        raise MergeError(_("Make it shorter: at most %(limit)s characters.") % {"limit": MAX_SOURCE})
    if sum(len(code) for code in CODE.findall(source)) > MAX_CODE:
        raise MergeError(_("Use fewer merge fields: at most %(limit)s characters.") % {"limit": MAX_CODE})
    environment = ESCAPING if escape else PLAIN
    try:
        template = environment.from_string(source)
        used = template.analyze(include_partials=False).filters
    except (LiquidError, RecursionError) as error:
        raise MergeError(_explain(error)) from error
    for name, spans in used.items():
        if name not in environment.filters:
            line, _column = spans[0].line_col(source)
            raise MergeError(_at_line(line, _("There is no filter “%(name)s”.") % {"name": name}))
    return template


def merge(source: str, values: Mapping[str, object], *, escape: bool) -> str:
    """`source` with its merge fields filled in from `values`. Raises `MergeError`."""
    template = parse(source, escape=escape)
    try:
        return template.render(**values)
    except MergeError:
        raise
    except Exception as error:
        # A template is its author's program: whatever it runs into is theirs to read, not a fault of ours.
        raise MergeError(_explain(error)) from error


def _explain(error: Exception) -> str:
    if not isinstance(error, LiquidError):
        return _("The merge fields cannot be filled in (%(kind)s).") % {"kind": type(error).__name__}
    place = error.context()
    return _at_line(place[0], str(error.message)) if place else str(error.message)


def _at_line(line: int, problem: str) -> str:
    return _("Line %(line)s: %(problem)s") % {"line": line, "problem": problem}


def _refuse_giant(value: object) -> None:
    match value:
        case range():
            is_giant = value.stop - value.start > MAX_VALUE
        case str() | list() | tuple():
            is_giant = len(value) > MAX_VALUE
        case int():
            is_giant = abs(value) > MAX_NUMBER
        case _:
            is_giant = False
    if is_giant:
        raise MergeError(_("A value is too large for a filter."))


@string_filter
def _replace(value: str, old: object, new: object = "") -> str:
    old, new = soft_str(old), soft_str(new)
    if value.count(old) * len(new) > MAX_VALUE:
        raise MergeError(_("A value is too large for a filter."))
    return value.replace(old, new)


@sequence_filter
def _join(values: Sequence[object], separator: object = " ") -> str:
    separator = soft_str(separator)
    if len(values) * len(separator) > MAX_VALUE:
        raise MergeError(_("A value is too large for a filter."))
    return separator.join(soft_str(value) for value in values)


@with_context
def _format_date(value: object, pattern: object = "%Y-%m-%d", *, context: RenderContext) -> str:
    """`{{ record.meeting_at | date: "%d.%m.%Y %H:%M" }}`: moments in the account's time zone."""
    pattern = soft_str(pattern)
    if not DATE_FORMAT.fullmatch(pattern):
        # A width such as %999999999d would fill the memory.
        raise MergeError(_("“%(format)s” is not a date format.") % {"format": pattern})
    if value in ("now", "today"):
        value = context.globals["now"]
    moment = value if isinstance(value, date) else _read_date(str(value or ""))
    if moment is None:
        return str(value or "")
    if isinstance(moment, datetime) and moment.tzinfo:
        moment = moment.astimezone(ZoneInfo(str(context.globals["time_zone"])))
    return moment.strftime(pattern)


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


ESCAPING: Final = _Sandbox(autoescape=True)
PLAIN: Final = _Sandbox()

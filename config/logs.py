"""How a line of the log looks. Where an error came from stands there; what the database says of it does not: it quotes
the values of the row."""

import logging
import traceback
from copy import copy
from types import TracebackType

from django.db import DatabaseError
from psycopg2 import Error

from accounts.retries import sqlstate


class Plain(logging.Formatter):
    """A moment, a level, a logger, a sentence; an error with its way there, and of the database's its code alone."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. Celery has what the error says in its own sentence, too."""
        error, context = record.exc_info and record.exc_info[1], record.args
        if error and isinstance(context, dict) and "exc" in context:
            record = copy(record)
            record.args = {**context, "exc": said(error).strip()}
        return super().format(record)

    def formatException(
        self, info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """The error, behind those that it came from."""
        lines: list[str] = []
        error = info[1]
        while error is not None:
            lines = ["Traceback:\n", *traceback.format_tb(error.__traceback__), said(error), *lines]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "".join(lines).rstrip()


def said(error: BaseException) -> str:
    """The last lines of a traceback."""
    if isinstance(error, DatabaseError | Error):
        code = sqlstate(error) or getattr(error, "pgcode", None) or ""
        return f"{type(error).__module__}.{type(error).__qualname__} {code}".rstrip() + "\n"
    return "".join(traceback.format_exception_only(error))

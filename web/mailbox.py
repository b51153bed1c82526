"""The mails of a development machine as devstack/inbox.py keeps them: one file each, newest last by name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from functools import cached_property
from pathlib import Path

NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-\d{6,}")  # nothing that leads out of the folder
HEADERS_WITHIN = 64 * 1024  # bytes
ENVELOPE_TO = "X-Envelope-To"  # put on top by the inbox: who it was really sent to

# What may stand before a mail's own content; a base after it makes links open in a tab of their own.
_OPENING = re.compile(r"\s*(<!doctype[^>]*>)?\s*(<html[^>]*>)?\s*(<head[^>]*>)?", re.IGNORECASE)
_BASE = '<base target="_blank">'
_MARGIN = "<style>body { margin: 16px }</style>"  # for a mail that is no whole page of its own


@dataclass(frozen=True)
class Mail:
    """One mail. Its headers are read at once, its parts when asked for."""

    path: Path
    headers: EmailMessage

    @property
    def name(self) -> str:
        """How addresses call it."""
        return self.path.stem

    @property
    def message_id(self) -> str:
        """The Message-ID without its brackets; empty when there is none."""
        return str(self.headers.get("Message-ID", "")).strip().strip("<>")

    @property
    def subject(self) -> str:
        """The subject, in one line."""
        return " ".join(str(self.headers.get("Subject", "")).split())

    @property
    def sender(self) -> str:
        """The From header."""
        return str(self.headers.get("From", ""))

    @property
    def recipient(self) -> str:
        """The address it was delivered to, whatever the To header says."""
        return str(self.headers.get(ENVELOPE_TO, ""))

    @property
    def came_at(self) -> datetime:
        """When the inbox took it."""
        return datetime.strptime(self.name.split("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)

    @property
    def snippet(self) -> str:
        """How the text begins, in one line."""
        return " ".join(self.text[:400].split())[:120]

    def has(self, name: str) -> bool:
        """True when there is such a header."""
        return name in self.headers

    def header(self, name: str) -> str:
        """A header's value; empty when there is none."""
        return str(self.headers.get(name, "")).strip()

    @property
    def header_lines(self) -> list[tuple[str, str]]:
        """Every header in its order."""
        return [(name, str(value)) for name, value in self.headers.items()]

    @cached_property
    def text(self) -> str:
        """The plain text part; empty when there is none."""
        return self._part("plain")

    @cached_property
    def html(self) -> str:
        """The HTML part, with links that open in a tab of their own; empty when there is none."""
        html = self._part("html")
        return framed(html) if html else ""

    def _part(self, kind: str) -> str:
        message = BytesParser(policy=policy.default).parsebytes(self.path.read_bytes())
        part = message.get_body(preferencelist=(kind,))
        if part is None:
            return ""
        try:
            return str(part.get_content())
        except (LookupError, ValueError):  # a character set that nobody knows
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def framed(html: str) -> str:
    """A mail's HTML as it stands in a frame: its links open in a tab of their own."""
    opening = _OPENING.match(html)
    place = opening.end() if opening else 0
    margin = "" if "<body" in html.lower() else _MARGIN
    return html[:place] + _BASE + margin + html[place:]


def names(folder: Path, *, before: str = "") -> list[str]:
    """The names of the mails, newest first; those older than `before` when it is given."""
    try:
        found = (path.stem for path in folder.iterdir() if path.suffix == ".eml")
        return sorted((name for name in found if NAME.fullmatch(name) and (not before or name < before)), reverse=True)
    except FileNotFoundError:
        return []


def read(folder: Path, name: str) -> Mail | None:
    """One mail with its headers; None when there is none of that name."""
    if not NAME.fullmatch(name):
        return None
    path = folder / f"{name}.eml"
    try:
        with path.open("rb") as file:
            head = file.read(HEADERS_WITHIN)
    except FileNotFoundError:
        return None
    headers = BytesHeaderParser(policy=policy.default).parsebytes(head)
    return Mail(path, headers)


def read_all(folder: Path, wanted: Iterable[str]) -> list[Mail]:
    """Several; what was deleted meanwhile is left out."""
    return [mail for mail in (read(folder, name) for name in wanted) if mail]

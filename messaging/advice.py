"""What would make a content better, though it can be sent as it is."""

from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import Content

SHOWN_SUBJECT: Final = 50  # characters that most inboxes show


def advise(content: Content, strangers: Iterable[str] = ()) -> list[str]:
    """Sentences to the writer, the weightiest first. `strangers`: what its merge fields name that nothing is called."""
    reader = _Reader()
    reader.feed(content.html)
    reader.close()
    said = []
    if not content.subject.strip():
        said.append(_("Write a subject: without one no flow can send it."))
    if not (content.html.strip() or content.text.strip()):
        said.append(_("Write the message."))
    said += map(of_stranger, strangers)
    if reader.silent_pictures:
        said.append(
            ngettext(
                "A picture has no text for those who cannot see it. Write one in its alt.",
                "%(n)s pictures have no text for those who cannot see them. Write one in their alt.",
                reader.silent_pictures,
            )
            % {"n": reader.silent_pictures}
        )
    if reader.empty_links:
        said.append(
            ngettext(
                "A link leads nowhere. Write its address.",
                "%(n)s links lead nowhere. Write their addresses.",
                reader.empty_links,
            )
            % {"n": reader.empty_links}
        )
    return said


def of_stranger(name: str) -> str:
    """What a merge field comes to that names nothing."""
    said = _("Nothing is called “{name}”: its place stays empty. Choose from the menu Merge field.")
    return said.format(name=name)


class _Reader(HTMLParser):
    """Counts what is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.silent_pictures = self.empty_links = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.silent_pictures += tag == "img" and "alt" not in given
        self.empty_links += tag == "a" and "href" in given and (given["href"] or "").strip() in ("", "#")

"""The HTML of a message: cleaned, its links passed through a function, and read out as plain text."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Final

import nh3

TAGS: Final = nh3.ALLOWED_TAGS | {
    "address", "big", "button", "dir", "font", "legend", "main", "menu", "nobr", "picture", "section", "source",
    "style", "tfoot", "title",
}  # fmt: skip
ATTRIBUTES: Final = {
    "abbr", "align", "alt", "axis", "background", "bgcolor", "border", "bordercolor", "cellpadding", "cellspacing",
    "cite", "class", "clear", "color", "cols", "colspan", "compact", "coords", "datetime", "dir", "face", "headers",
    "height", "href", "hspace", "id", "ismap", "lang", "media", "name", "nowrap", "role", "rowspan", "rules", "scope",
    "shape", "size", "sizes", "span", "src", "srcset", "start", "style", "summary", "tabindex", "target", "title",
    "type", "usemap", "valign", "value", "vspace", "width",
}  # fmt: skip
SCHEMES: Final = {"http", "https", "mailto", "tel", "sms", "cid", "data"}
WEB: Final = ("http://", "https://")

# Doctype, head and the body's own tag: the cleaner knows the inside of a body only and would drop them.
OPENING = re.compile(r".*?<body\b[^>]*>|.*?</head\s*>", re.DOTALL | re.IGNORECASE)
SCRIPT = re.compile(r"<script\b.*?(?:</script\s*>|\Z)", re.DOTALL | re.IGNORECASE)
HANDLER = re.compile(r"\son\w+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]*)", re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]")


def clean(html: str, link: Callable[[str], str]) -> tuple[str, str]:
    """(opening, body) of a message: without scripts and event handlers, web addresses passed through `link`.

    The opening is everything up to the body's content, empty for a fragment. Mail programs run no scripts and
    previews stand in a sandboxed frame; the cleaning keeps both from having to.
    """
    found = OPENING.match(html)
    opening = found.group() if found else ""

    def attribute(tag: str, name: str, value: str) -> str | None:
        is_link = name == "href"
        if is_link and value.strip().lower().startswith("data:"):
            return None
        return link(value.strip()) if is_link and value.strip().lower().startswith(WEB) else value

    body = nh3.clean(
        html[len(opening) :],
        tags=TAGS,
        clean_content_tags={"script", "noscript", "iframe", "object", "embed", "template", "textarea", "svg", "math"},
        attributes={"*": ATTRIBUTES},
        generic_attribute_prefixes={"data-", "aria-"},
        attribute_filter=attribute,
        url_schemes=SCHEMES,
        strip_comments=False,  # Outlook reads conditional ones
        link_rel=None,
    )
    return HANDLER.sub("", SCRIPT.sub("", opening)), body


def link_text(text: str, link: Callable[[str], str]) -> str:
    """Plain text with its web addresses passed through `link`."""
    return ADDRESS.sub(lambda found: link(found.group()), text)


def text_of(body: str) -> str:
    """A cleaned body as plain text: one line per block, links behind their words."""
    reader = _Reader()
    reader.feed(body)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Walks over cleaned HTML, which is well-formed, and keeps what a person would read."""

    BLOCKS = frozenset({
        "address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "figure", "footer", "h1", "h2",
        "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul",
    })  # fmt: skip
    # An empty line around them.
    SPACED = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "table", "ul"})
    SKIPPED = frozenset(("style", "title"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: list[tuple[str, int]] = []  # address, and where its words begin
        self.skipping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.SKIPPED:
            self.skipping += 1
        self._break(tag)
        match tag:
            case "br":
                self.parts.append("\n")
            case "li":
                self.parts.append("- ")
            case "hr":
                self.parts.append("----\n")
            case "td" | "th":
                self.parts.append(" ")
            case "img":
                self.parts.append(dict(attrs).get("alt") or "")
            case "a":
                self.links.append((dict(attrs).get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SKIPPED:
            self.skipping -= 1
        if tag == "a" and self.links:
            address, begin = self.links.pop()
            words = "".join(self.parts[begin:]).strip()
            if address.lower().startswith((*WEB, "mailto:", "tel:")) and words not in (address, address[7:]):
                self.parts.append(f" ({address})" if words else address)
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.parts.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in self.BLOCKS:
            self.parts.append("\n\n" if tag in self.SPACED else "\n")

    def text(self) -> str:
        """All of it, with at most one empty line in a row."""
        lines = [re.sub(r"[ \t\xa0]+", " ", line).strip() for line in "".join(self.parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

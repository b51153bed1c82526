"""The words on the pages in one language, read from the catalogues that Flyt itself uses."""

from django.utils import translation
from django.utils.translation import gettext, ngettext, pgettext


class Words:
    """English source text -> what the page says in `language`."""

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def __call__(self, text: str, **values: object) -> str:
        """One text, with its `%(name)s` filled in."""
        with translation.override(self.language):
            return gettext(text) % values if values else gettext(text)

    def many(self, one: str, many: str, n: int, **values: object) -> str:
        """A text that counts."""
        with translation.override(self.language):
            return ngettext(one, many, n) % {"n": n, **values}

    def of(self, context: str, text: str) -> str:
        """A text that has a context in its template."""
        with translation.override(self.language):
            return pgettext(context, text)

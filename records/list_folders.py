"""Folders of lists: one layer of drawers, each name once."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from .models import List, ListFolder
from .refusals import Error, Invalid

LONGEST_NAME = 120


def create(name: str) -> ListFolder:
    """A new folder. Raises `Invalid` when the name is missing, too long or taken."""
    name = _checked(name)
    made, is_new = ListFolder.objects.get_or_create(name=name)
    if not is_new:
        raise _taken(name)
    return made


def rename(folder: ListFolder, name: str) -> None:
    """Give a folder another name. Raises `Invalid` when it is missing, too long or taken."""
    folder.name = _checked(name)
    try:
        with transaction.atomic():
            folder.save(update_fields=["name"])
    except IntegrityError:  # only the database knows without a race
        raise _taken(folder.name) from None


def delete(folder: ListFolder) -> None:
    """Delete a folder; its lists stay and lie in none."""
    List.objects.filter(folder=folder).update(folder=None)
    folder.delete()


def _checked(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or "\x00" in name:
        raise Invalid([Error("name", _("Enter a name of 1 to {most} characters.").format(most=LONGEST_NAME))])
    return name


def _taken(name: str) -> Invalid:
    return Invalid([Error("name", _("There is a folder “{name}” already.").format(name=name))])

"""Folders of flows: making, renaming, deleting. What lies where is `Flow.folder` (running/filing.py)."""

from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.history import NotAllowed, record

from .models import Flow, Folder

LONGEST_NAME: Final = 120
DEEPEST: Final = 5  # folders inside each other


class InvalidName(ValueError):
    """A name that a folder cannot have; the message says what to do."""


def create(name: str, *, parent: Folder | None = None, by: Actor) -> Folder:
    """A new folder, empty. Raises InvalidName, NotAllowed("too_deep"), or `Folder.DoesNotExist` for a gone parent."""
    name = _checked(name)
    if parent is not None and len(path_to(parent.pk, everything())) >= DEEPEST:
        raise NotAllowed("too_deep", _("Folders lie at most %d deep. Make it further up.") % DEEPEST)
    if parent is not None:
        parent = Folder.objects.select_for_update().get(pk=parent.pk)
    try:
        with transaction.atomic():
            made: Folder = Folder.objects.create(name=name, parent=parent)
    except IntegrityError:
        raise InvalidName(_taken(name)) from None
    record(made, "created", by=by, detail={"name": name})
    return made


def rename(folder: Folder, name: str, *, by: Actor) -> None:
    """Give it another name. Raises InvalidName."""
    name, old = _checked(name), folder.name
    if name == old:
        return
    try:
        with transaction.atomic():
            Folder.objects.filter(pk=folder.pk).update(name=name)
    except IntegrityError:
        raise InvalidName(_taken(name)) from None
    folder.name = name
    record(folder, "renamed", by=by, detail={"from": old, "to": name})


def delete(folder: Folder, *, by: Actor) -> None:
    """Remove an empty folder. Raises NotAllowed("not_empty"), or `Folder.DoesNotExist` when somebody was faster."""
    Folder.objects.select_for_update().get(pk=folder.pk)  # whoever puts something in waits (or has put it in)
    if Flow.objects.filter(folder=folder).exists() or Folder.objects.filter(parent=folder).exists():
        raise NotAllowed("not_empty", _("Only an empty folder can be deleted. Move what is in it first."))
    record(folder, "deleted", by=by, detail={"name": folder.name})
    Folder.objects.filter(pk=folder.pk).delete()


def everything() -> dict[int, Folder]:
    """All folders of the account by id, by name; one query."""
    return {folder.pk: folder for folder in Folder.objects.order_by("name", "pk")}


def path_to(folder_id: int | None, folders: dict[int, Folder]) -> list[Folder]:
    """The folders from the top down to `folder_id`, itself included; none for the top."""
    path: list[Folder] = []
    while folder_id in folders and len(path) <= len(folders):
        path.append(folders[folder_id])
        folder_id = folders[folder_id].parent_id
    return path[::-1]


def inside(folder_id: int, folders: dict[int, Folder]) -> set[int]:
    """The ids of a folder and of every folder in it, at any depth."""
    return {each for each in folders if any(one.pk == folder_id for one in path_to(each, folders))}


def _checked(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise InvalidName(_("Write a name."))
    if len(name) > LONGEST_NAME:
        raise InvalidName(_("Write at most {most} characters.").format(most=LONGEST_NAME))
    return name


def _taken(name: str) -> str:
    return _("There is a folder “%s” here already. Give this one another name.") % name

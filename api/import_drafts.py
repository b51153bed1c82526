"""Imports that are looked at and corrected before they start: what was found in the file, and what would not fit."""

from dataclasses import fields
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.history import NotAllowed
from accounts.rights import Right
from records import importing
from records.import_preview import Preview, look_at
from records.import_reading import DELIMITERS
from records.importing import Terms
from records.models import BlankCells, DateOrder, DecimalMark, Import, ImportMode, ImportStatus

from .import_shapes import ImportShape
from .schema import endpoint
from .shapes import Nothing, Shape
from .views import AccountView


class ColumnShape(Shape):
    """A column of the file and where it goes."""

    header = serializers.CharField()
    target = serializers.DictField(allow_null=True, help_text="As in the mapping; null: nowhere.")
    first = serializers.CharField(help_text="Its first value that is not blank, at most 1,000 characters.")
    misfits = serializers.IntegerField(help_text="How many of the rows looked at would be refused for it.")
    problem = serializers.CharField(help_text="Why the first of them would be.")
    type = serializers.CharField(help_text="What its values suggest for a new property.")


class CellShape(Shape):
    """A value as the file has it and as it would be stored; of long ones the first 1,000 characters."""

    text = serializers.CharField()
    value = serializers.JSONField(
        allow_null=True, help_text="As it would be stored; null: not at all, or as a choice that is made of the file."
    )
    problem = serializers.CharField(help_text="Why its row would be refused.")


class ImportPreviewShape(Shape):
    """A draft as it would come in now."""

    encoding = serializers.CharField()
    delimiter = serializers.CharField(trim_whitespace=False)
    columns = ColumnShape(many=True)
    rows = serializers.ListField(
        child=CellShape(many=True), help_text="The first twenty, each with a cell for every column."
    )
    looked_at = serializers.IntegerField(help_text="How many of the first rows were tried, at most 1,000.")
    faulty = serializers.IntegerField(help_text="How many of those would be refused.")
    is_whole = serializers.BooleanField(help_text="All rows were tried.")
    about = serializers.IntegerField(help_text="How many rows the file has, or seems to have.")
    is_counted = serializers.BooleanField(help_text="It has exactly that many.")
    is_matched = serializers.BooleanField(help_text="A column goes to what rows are matched by. Needed to start.")
    problem = serializers.CharField(help_text="Why the file could not be read on.")


class DraftChange(Shape):
    """What to change of a draft; what is left out stays."""

    name = serializers.CharField(max_length=200, required=False)
    mapping = serializers.DictField(
        required=False, help_text="As of a new import. Columns that are left out stay where they go."
    )
    match_on = serializers.CharField(required=False)
    mode = serializers.ChoiceField(ImportMode.choices, required=False)
    blank_cells = serializers.ChoiceField(BlankCells.choices, required=False)
    date_order = serializers.ChoiceField(DateOrder.choices, required=False)
    decimal_mark = serializers.ChoiceField(DecimalMark.choices, required=False)
    encoding = serializers.CharField(
        required=False, help_text="Another one, or another delimiter, has the file read again and its columns guessed."
    )
    delimiter = serializers.ChoiceField(list(DELIMITERS), required=False)


class ImportPreview(AccountView):
    """What was found in the file of a draft."""

    rights = {"GET": Right.SEE}

    @endpoint("Look at a draft of an import", answers=ImportPreviewShape)
    def get(self, request: Request, import_id: int) -> Response:
        """With what would be refused as its columns go now. 409 when the import has been started."""
        source = draft_of(import_id)
        return Response(ImportPreviewShape(_told(source, look_at(source))).data)


class StartImport(AccountView):
    """The start of a draft."""

    rights = {"POST": Right.EDIT_CONTENT}

    @endpoint("Start an import that is a draft", answers=ImportShape, idempotent=True)
    def post(self, request: Request, import_id: int) -> Response:
        """Its records come in the background. 409 when it has been started."""
        self.read(Nothing)
        source = draft_of(import_id)
        terms = Terms.of(source)
        importing.start(source, name=source.name, mapping=source.mapping, terms=terms, by=self.actor)
        return Response(ImportShape(source).data)


def draft_of(import_id: int) -> Import:
    """A draft, locked until the answer is given. Raises `NotAllowed` when it has been started."""
    found = Import.objects.select_for_update(of=("self",)).select_related("object_type").get(pk=import_id)
    if found.status != ImportStatus.DRAFT:
        raise NotAllowed("not_a_draft", _("This import has been started."))
    return found


def change(source: Import, wanted: dict[str, Any]) -> None:
    """Read a draft anew where that is asked for, then keep what was chosen. Raises `Invalid`."""
    encoding, delimiter = wanted.get("encoding", source.encoding), wanted.get("delimiter", source.delimiter)
    if (encoding, delimiter) != (source.encoding, source.delimiter):
        importing.read_again(source, encoding=encoding, delimiter=delimiter)
    terms = Terms(**{each.name: wanted.get(each.name, getattr(source, each.name)) for each in fields(Terms)})
    mapping = {**source.mapping, **wanted.get("mapping", {})}
    importing.settle(source, name=wanted.get("name", source.name), mapping=mapping, terms=terms)


def _told(source: Import, preview: Preview) -> dict[str, Any]:
    return {
        **vars(preview),
        "encoding": source.encoding,
        "delimiter": source.delimiter,
        "is_matched": importing.is_matched(source),
    }

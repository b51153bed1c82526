"""Imports: a CSV file goes in, its records come in the background, and what was refused can be fetched."""

from dataclasses import fields
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records import import_lifecycle
from records.import_reading import DELIMITERS
from records.import_refusals import refused_lines
from records.importing import MATCHED_ON, Terms, draft, start_import
from records.models import BlankCells, DateOrder, DecimalMark, Import, ImportMode

from . import import_drafts
from .import_drafts import DraftChange, draft_of
from .import_shapes import ImportShape
from .object_types import object_type
from .pagination import PageQuery, page
from .schema import CSV, endpoint, paged
from .shapes import Nothing, Shape
from .views import AccountView


class NewImport(Shape):
    """A CSV file with a header, as multipart/form-data."""

    file = serializers.FileField()
    name = serializers.CharField(max_length=200, required=False, help_text="By default that of the file.")
    object_type = serializers.CharField(default="contact")
    match_on = serializers.ChoiceField(
        list(MATCHED_ON),
        default="email",
        help_text=(
            "name: only of companies, without regard to case. new: every row makes a record, and makes another when"
            " the file is imported again."
        ),
    )
    mode = serializers.ChoiceField(ImportMode.choices, default=ImportMode.BOTH)
    blank_cells = serializers.ChoiceField(BlankCells.choices, default=BlankCells.LEAVE)
    date_order = serializers.ChoiceField(
        DateOrder.choices, default=DateOrder.DAY_FIRST, help_text="How 04.03.2027 is meant."
    )
    decimal_mark = serializers.ChoiceField(
        DecimalMark.choices,
        default=None,
        help_text="How 12,500 is meant. Left out: as the other numbers of the file have it, else as is usual in the"
        " account's country or language.",
    )
    mapping = serializers.JSONField(
        required=False,
        help_text='JSON: {"Column": {"property": key} | {"field": "id" | "external_id" | "consent" | "consent_at" | '
        '"former_employee"} | {"associated": "company"} (its name: found or made) | {"new": "Column", "type": a type '
        "of properties} | null}. Left out: guessed from the header.",
    )
    encoding = serializers.CharField(required=False, help_text="Left out: detected.")
    delimiter = serializers.ChoiceField(list(DELIMITERS), required=False, help_text="Left out: detected.")
    create_properties = serializers.BooleanField(
        default=False, help_text="Columns that belong nowhere become properties of the type that their values suggest."
    )

    draft = serializers.BooleanField(
        default=False, help_text="Keep it as a draft, to be looked at, corrected and started; for at most a day."
    )

    def validate_mapping(self, value: Any) -> Any:
        """An object; the import checks what is in it."""
        if not isinstance(value, dict):
            self.fields["mapping"].fail("invalid")
        return value


class Imports(AccountView):
    """The imports of the account."""

    parser_classes = (MultiPartParser,)
    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The imports of the account, newest first", query=PageQuery, answers=paged(ImportShape))
    def get(self, request: Request) -> Response:
        """With how far each has come."""
        query, rows = self.query(PageQuery), Import.objects.select_related("object_type")
        return page(rows, request, query, lambda found: ImportShape(found, many=True).data, order=("-id",))

    @endpoint("Import a CSV file", takes={"multipart/form-data": NewImport}, answers=ImportShape, status=201)
    def post(self, request: Request) -> Response:
        """The file is checked now; its records come in the background, into a new list named after the import.

        Or only once the draft is started.
        """
        given = self.read(NewImport)
        of = object_type("object_type", given.pop("object_type"))
        name = given.pop("name", None) or given["file"].name
        terms = Terms(**{each.name: given.pop(each.name) for each in fields(Terms)})
        take = draft if given.pop("draft") else start_import
        made = take(name=name, object_type=of, terms=terms, **given)
        return Response(ImportShape(made).data, status=201)


class OneImport(AccountView):
    """An import."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_CONTENT, "DELETE": Right.EDIT_CONTENT}

    @endpoint("An import, with how far it has come", answers=ImportShape)
    def get(self, request: Request, import_id: int) -> Response:
        """Done when its status says so."""
        return Response(ImportShape(Import.objects.select_related("object_type").get(pk=import_id)).data)

    @endpoint("Correct a draft of an import", takes=DraftChange, answers=ImportShape)
    def patch(self, request: Request, import_id: int) -> Response:
        """How its file is read, where its columns go, how rows meet what is there. 409 when it has been started."""
        source = draft_of(import_id)
        import_drafts.change(source, self.read(DraftChange))
        return Response(ImportShape(source).data)

    @endpoint("Discard a draft of an import", status=204)
    def delete(self, request: Request, import_id: int) -> Response:
        """With its file. 409 when it has been started."""
        import_lifecycle.discard(draft_of(import_id))
        return Response(status=204)


class StopImport(AccountView):
    """The end of an import before its file's."""

    rights = {"POST": Right.EDIT_CONTENT}

    @endpoint("Stop an import", answers=ImportShape, idempotent=True)
    def post(self, request: Request, import_id: int) -> Response:
        """What is in stays. 409 when it is over already, or was never started."""
        source = Import.objects.select_related("object_type").get(pk=import_id)
        self.read(Nothing)
        import_lifecycle.stop(source, by=self.actor)
        source.refresh_from_db()
        return Response(ImportShape(source).data)


class Refused(AccountView):
    """The rows of an import that were not taken."""

    rights = {"GET": Right.SEE}

    @endpoint("The refused rows of an import, as CSV", answers=CSV)
    def get(self, request: Request, import_id: int) -> HttpResponseBase:
        """To be mended and imported again. A cell that a spreadsheet would calculate begins with an apostrophe.

        They are kept for 90 days after the import ended, or until the person whom a row is about is erased.
        """
        lines = refused_lines(Import.objects.get(pk=import_id))
        headers = {"Content-Disposition": f'attachment; filename="refused-{import_id}.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

"""Folders of lists."""

from django.db.models import Count, Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rights import Right
from records import list_folders
from records.models import ListFolder

from .pagination import PageQuery, page
from .schema import endpoint, paged
from .shapes import Shape
from .views import AccountView


class ListFolderShape(Shape):
    """A drawer for lists."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=120)


class SizedFolder(ListFolderShape):
    """A folder, with how many lists lie in it."""

    lists = serializers.IntegerField()


class ListFolders(AccountView):
    """The folders of lists."""

    rights = {"GET": Right.SEE, "POST": Right.EDIT_CONTENT}

    @endpoint("The folders of lists", query=PageQuery, answers=paged(SizedFolder))
    def get(self, request: Request) -> Response:
        """In the order they were made."""
        rows = ListFolder.objects.annotate(
            lists_in=Count("lists", filter=Q(lists__deleted_at=None, lists__is_hidden=False))
        )
        return page(
            rows,
            request,
            self.query(PageQuery),
            lambda found: [{"id": row.pk, "name": row.name, "lists": row.lists_in} for row in found],
        )

    @endpoint("Make a folder of lists", takes=ListFolderShape, answers=ListFolderShape, status=201)
    def post(self, request: Request) -> Response:
        """Each name is there once."""
        made = list_folders.create(self.read(ListFolderShape)["name"])
        return Response(ListFolderShape(made).data, status=201)


class OneListFolder(AccountView):
    """A folder of lists."""

    rights = {"GET": Right.SEE, "PATCH": Right.EDIT_CONTENT, "DELETE": Right.EDIT_CONTENT}

    @endpoint("A folder of lists", answers=ListFolderShape)
    def get(self, request: Request, list_folder_id: int) -> Response:
        """Its lists: lists/?folder="""
        return Response(ListFolderShape(ListFolder.objects.get(pk=list_folder_id)).data)

    @endpoint("Rename a folder of lists", takes=ListFolderShape, answers=ListFolderShape)
    def patch(self, request: Request, list_folder_id: int) -> Response:
        """Its id stays."""
        found = ListFolder.objects.get(pk=list_folder_id)
        list_folders.rename(found, self.read(ListFolderShape)["name"])
        return Response(ListFolderShape(found).data)

    @endpoint("Delete a folder of lists", status=204)
    def delete(self, request: Request, list_folder_id: int) -> Response:
        """Its lists stay and lie in none."""
        list_folders.delete(ListFolder.objects.get(pk=list_folder_id))
        return Response(status=204)

"""Every address of the API, in one place."""

from django.urls import path, re_path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from . import object_types
from .shapes import HIGHEST_ID
from .views import UnknownAddress


class IdConverter:
    """An id in a path. What no row can have is not found, as with any other id that is not there."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """The number; ValueError, and so 404, beyond what the database can hold."""
        number = int(value)
        if number > HIGHEST_ID:
            raise ValueError(value)
        return number

    def to_url(self, value: int) -> str:
        """The number as it stands in the path."""
        return str(value)


register_converter(IdConverter, "id")

app_name = "api"
urlpatterns = [
    path("object-types/", object_types.ObjectTypes.as_view(), name="object-types"),
    path("properties/", object_types.Properties.as_view(), name="properties"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    re_path("", UnknownAddress.as_view()),
]

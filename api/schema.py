"""What the OpenAPI document says of every endpoint alike: the key, the errors, the parameters of lists."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from .errors import PROBLEM
from .pagination import PageQuery
from .shapes import Problem

Handler = TypeVar("Handler", bound=Callable[..., Any])
Described = type[serializers.Serializer[Any]] | serializers.BaseSerializer[Any] | Any

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Of your choosing, at most 200 characters. The same request with the same key acts once and gets the "
    "same answer again, with `Idempotency-Replayed: true`.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The `ETag` of the document that your change is based on.",
)
CSV = OpenApiResponse(OpenApiTypes.BINARY, description="A CSV file in UTF-8.")
REFUSAL = OpenApiResponse(Problem, description="Refused; nothing was changed. `code` says why.")


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the document describes the key."""

    target_class = "api.auth.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer", "description": "A key of the account: `flyt_...`."}


class ApiSchema(AutoSchema):
    """Tells a list from one thing at the address below it."""

    def get_operation_id(self) -> str:
        """As ever, but what comes in pages is listed."""
        name = str(super().get_operation_id())
        is_paged = any(
            isinstance(each, type) and issubclass(each, PageQuery) for each in self.get_override_parameters()
        )
        return f"{name.removesuffix('_retrieve')}_list" if is_paged else name


def endpoint(
    summary: str,
    *,
    answers: Described = None,
    status: int = 200,
    takes: Described = None,
    query: type[serializers.Serializer[Any]] | None = None,
    headers: tuple[OpenApiParameter, ...] = (),
    idempotent: bool = False,
    also: Mapping[int, Described] | None = None,
    **more: Any,
) -> Callable[[Handler], Handler]:
    """Describe a handler: what it takes and answers, beside the errors that every endpoint may give."""
    takes_key = idempotent or status == 201
    parameters: list[OpenApiParameter | type[serializers.Serializer[Any]]] = [query] if query else []
    parameters += [*([IDEMPOTENCY_KEY] if takes_key else []), *headers]
    return extend_schema(
        summary=summary,
        request=takes,
        responses={
            (status, "text/csv") if answers is CSV else status: answers,
            **(also or {}),
            ("default", PROBLEM): REFUSAL,
        },
        parameters=parameters,
        **more,
    )


@cache
def paged(shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """A page of `shape`, as the document describes it."""
    return inline_serializer(
        f"{shape.__name__}Page",
        {
            "results": shape(many=True),
            "next": serializers.URLField(allow_null=True, help_text="The next page; null on the last."),
        },
    )

"""What keys of each role may do with records, lists, imports, events, types and properties."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from .conftest import API

pytestmark = pytest.mark.django_db
CONTENT = [  # viewers may not
    ("post", "records/"),
    ("patch", "records/1/"),
    ("post", "records/1/archive/"),
    ("post", "records/1/restore/"),
    ("post", "records/batch/"),
    ("post", "records/1/associations/"),
    ("patch", "records/1/associations/2/"),
    ("delete", "records/1/associations/2/"),
    ("post", "lists/"),
    ("patch", "lists/1/"),
    ("delete", "lists/1/"),
    ("post", "lists/1/records/"),
    ("delete", "lists/1/records/1/"),
    ("post", "lists/1/freeze/"),
    ("post", "list-folders/"),
    ("patch", "list-folders/1/"),
    ("delete", "list-folders/1/"),
    ("post", "imports/"),
    ("post", "imports/1/stop/"),
    ("post", "events/"),
]
SCHEMA = [  # marketers may not either
    ("delete", "records/1/"),
    *(("post", f"{kind}/") for kind in ("object-types", "properties")),
    *(("patch", f"{kind}/1/") for kind in ("object-types", "properties")),
    *(("post", f"{kind}/1/{verb}/") for kind in ("object-types", "properties") for verb in ("archive", "restore")),
]


@pytest.mark.parametrize(("role", "refused"), [("viewer", CONTENT + SCHEMA), ("marketer", SCHEMA), ("flow_admin", [])])
def test_a_role_is_refused_what_it_may_not_do_before_anything_is_looked_up(
    as_role: Callable[[str], APIClient], role: str, refused: list[tuple[str, str]]
) -> None:
    client = as_role(role)
    for method, path in CONTENT + SCHEMA:
        status = getattr(client, method)(f"{API}/{path}").status_code
        assert (status == 403) == ((method, path) in refused), (method, path, status)

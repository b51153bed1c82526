"""Idempotency-Key on POST: the answer once given is given again, and the effect happens once.

A view in a scope reserves its key, acts and keeps the answer in one transaction. A verb has a transaction of its own,
so there the key is reserved before it and the answer kept after it; a reservation that nobody finished (a worker
lost in between) counts as abandoned after a minute.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import IdempotencyKey
from accounts.tenancy import account_scope, current_account_id
from records.erasing import Doomed

from .errors import Refused

ABANDONED_AFTER = timedelta(seconds=60)  # of the database's own time: a test clock frees nothing
LONGEST: Final = 200  # characters of a key, as the column holds them
KEPT: Final = timedelta(days=30)  # how long an answer is given again
KEPT_HEADERS = ("Location", "ETag")
TRY_LOCK = "select pg_try_advisory_xact_lock(hashtextextended(%s, %s))"


FORGET = """
update accounts_idempotencykey set body = jsonb_set(body, '{data}', jsonb_build_object('id', body #> '{data,id}'))
where account_id = %(account)s and body #> '{data,properties}' is not null
  and body #>> '{data,id}' = any(%(records)s::text[])
"""


FORGET_WALKS: Final = """
update accounts_idempotencykey set body = jsonb_set(body, '{data}', 'null')
where account_id = %(account)s and body #> '{data,log}' is not null
  and body #>> '{data,id}' = any(%(walks)s::text[])
"""


def forget_walks(walks: Sequence[int]) -> None:
    """Of erased walks keep nothing in an answer, only that it was given: the same request still acts once."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_WALKS, {"account": current_account_id(), "walks": [str(each) for each in walks]})


def forget_records(doomed: Doomed) -> None:
    """Of erased records keep no more in an answer than the id, so that the same request still acts once."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"account": current_account_id(), "records": [str(each) for each in doomed.records]})


def too_old() -> Q:
    """The keys that are no longer remembered."""
    return Q(created_at__lt=Now() - KEPT)


class Replay(Exception):
    """The request was answered before; carries that answer."""

    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True)
class Reservation:
    """A key that this request holds. `in_scope`: the transaction of the effect holds it too."""

    account_id: int
    key: str
    in_scope: bool

    def keep(self, response: HttpResponseBase) -> None:
        """Store the answer."""
        content = response.content if isinstance(response, HttpResponse) else b""
        headers = {name: response[name] for name in KEPT_HEADERS if name in response}
        kept = {"data": json.loads(content) if content else None, "headers": headers}
        with account_scope(self.account_id):
            IdempotencyKey.objects.filter(key=self.key).update(status=response.status_code, body=kept)

    def release(self) -> None:
        """Forget the key: the request failed, so it may be made again."""
        with account_scope(self.account_id):
            IdempotencyKey.objects.filter(key=self.key, status=None).delete()


def reserve(request: Request, account_id: int, *, in_scope: bool) -> Reservation | None:
    """Hold the key of a POST; None when it has none.

    Raises Replay when the same request was answered, and Refused when the key is in use by another (422) or by the
    same request still being answered (409).
    """
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return None
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST):
        raise Refused(400, "bad_idempotency_key", _("Write 1 to 200 printable characters as Idempotency-Key."))
    mark = fingerprint(request)
    with account_scope(account_id):
        _take(account_id, key, mark)
    return Reservation(account_id=account_id, key=key, in_scope=in_scope)


def _take(account_id: int, key: str, mark: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TRY_LOCK, [f"idempotency:{key}", account_id])
        if not cursor.fetchone()[0]:
            raise _in_progress()
    fresh = {"fingerprint": mark, "created_at": Now()}
    row, is_new = IdempotencyKey.objects.get_or_create(key=key, defaults=fresh)
    if is_new:
        return
    abandoned = IdempotencyKey.objects.filter(key=key, status=None, created_at__lt=Now() - ABANDONED_AFTER)
    if not abandoned.update(**fresh):
        _refuse_or_replay(row, mark)


def _refuse_or_replay(row: IdempotencyKey, mark: str) -> None:
    if row.fingerprint != mark:
        raise Refused(422, "idempotency_key_reused", _("This Idempotency-Key belongs to another request."))
    if row.status is None:
        raise _in_progress()
    kept: dict[str, Any] = row.body or {}
    headers = {**kept["headers"], "Idempotency-Replayed": "true"}
    raise Replay(Response(kept["data"], status=row.status, headers=headers))


def _in_progress() -> Refused:
    detail = _("The first request with this Idempotency-Key is still being answered. Try again in a moment.")
    return Refused(409, "request_in_progress", detail)


def fingerprint(request: Request) -> str:
    """SHA-256 in hex of method, address and body; of a form its fields and files, as boundaries differ each time."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if not (request.content_type or "").startswith("multipart/"):
        digest.update(request._request.body)
        return digest.hexdigest()
    form: QueryDict = request.data  # type: ignore[assignment]  # of a form, with its files
    for name, values in sorted(form.lists()):
        for value in values:
            digest.update(f"\n{name}=".encode())
            for chunk in value.chunks() if isinstance(value, UploadedFile) else [str(value).encode()]:
                digest.update(chunk)
            if isinstance(value, UploadedFile):
                value.seek(0)  # for whoever reads it next
    return digest.hexdigest()

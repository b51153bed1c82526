"""A whole Flyt, as scenarios and browsers see it: its API, its mails, its clock, and its processes to be killed."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import psycopg2
import redis

from devstack.postgres import Postgres
from devstack.processes import signal_group
from devstack.stack import ROOT, Stack
from devstack.valkey import Valkey

PATIENCE = 90  # seconds for the workers to do what is asked; a quiet machine needs a few


MAKE_ACCOUNT = """
from accounts.models import Account
from accounts.sign_in import make_key
from accounts.tenancy import account_scope, every_account
from records.schema import ensure_object_types
with every_account():
    account = Account.objects.create(name="{name}", slug="{name}".lower())
with account_scope(account.pk):
    ensure_object_types()
    print(account.pk, make_key("{name}", "owner", by=None)[1])
"""


class Live:
    """Web, workers, beat and inbox on a database and a broker of their own."""

    def __init__(self, var: Path, env: dict[str, str] | None = None) -> None:
        # Default durability: a database that is killed recovers as in production.
        self.database, self.valkey = Postgres(var), Valkey(var)
        self.database.start()
        self.valkey.start()
        self.stack = Stack(var, self.database.url, self.valkey.url, env=env)
        credentials = var / "credentials.json"
        self.stack.prepare(credentials)
        self.credentials: dict[str, str] = json.loads(credentials.read_text())
        self.key = self.credentials["api_key"]
        self._session = self._connect()
        self._mails: dict[Path, EmailMessage] = {}
        self.stack.start()
        self.stack.wait_ready(PATIENCE)

    def stop(self) -> None:
        """End the processes; what they kept goes with its folder."""
        self.stack.stop()
        self._session.close()
        self.valkey.stop()
        self.database.stop()

    def kill_server(
        self, server: Postgres | Valkey, number: signal.Signals = signal.SIGKILL, *, away: float = 0
    ) -> None:
        """Signal the database or the broker (SIGKILL takes all its processes), and start it again, as `up` does.

        `away`: seconds for which it is gone.
        """
        assert server.process
        signal_group(server.process.pid, number)
        server.process.wait()
        time.sleep(away)
        server.start()
        self._session = self._connect()

    def more_workers(self, env: dict[str, str]) -> Stack:
        """As many workers of the engine and of delivery again, in another environment; the caller stops them."""
        more = Stack(
            self.stack.var / "more",
            self.database.url,
            self.valkey.url,
            children=("engine", "delivery"),
            env={**self.stack.settings, **env},
        )
        more.start()
        return more

    def another_account(self, name: str) -> tuple[int, str]:
        """Make an account; its id, and an API key that may do everything in it."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", MAKE_ACCOUNT.format(name=name)]
        made = subprocess.run(command, cwd=ROOT, env=self.stack.environment, capture_output=True, text=True, check=True)
        account, key = made.stdout.split()[-2:]
        return int(account), key

    def flush_broker(self) -> None:
        """Forget every hint, lane and sign of life."""
        redis.Redis.from_url(self.valkey.url.replace("redis+socket://", "unix://")).flushall()

    def _connect(self) -> Any:
        session = psycopg2.connect(self.database.url)
        session.autocommit = True
        return session

    # --- The API -------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and the JSON of an answer, whatever the status."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.stack.url}/api/v1/{path}", data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("Content-Type", "application/json")
        for header, value in headers.items():
            request.remove_header(header.replace("_", "-").capitalize())
            request.add_header(header.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def get(self, path: str) -> Any:
        """What a GET gives; anything but 200 fails."""
        status, body = self.call("GET", path)
        assert status == 200, body
        return body

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """What a POST gives; a refusal fails."""
        status, answer = self.call("POST", path, body, **headers)
        assert status in (200, 201, 202), answer
        return answer

    def upload(self, path: str, file: Path, **fields: str) -> Any:
        """POST a file with form fields."""
        boundary = "a1b2c3d4e5f6"
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
        parts += [
            head.encode() + b"Content-Type: text/csv\r\n\r\n",
            file.read_bytes(),
            f"\r\n--{boundary}--\r\n".encode(),
        ]
        return self.post(path, b"".join(parts), content_type=f"multipart/form-data; boundary={boundary}")

    # --- The world -----------------------------------------------------------------------------------------

    def sql(self, query: str, *params: object) -> Any:
        """The first value of a query's answer, by the owner of the tables, past every wall."""
        with self._session.cursor() as cursor:
            cursor.execute(query, params or None)
            row = cursor.fetchone() if cursor.description else None
        return row and row[0]

    def clock_to(self, moment: datetime) -> None:
        """Move the clock of all processes."""
        self.sql(
            'insert into scheduling_clockoffset (id, "offset") values (1, %s - now())'
            ' on conflict (id) do update set "offset" = excluded."offset"',
            moment,
        )

    def now(self) -> datetime:
        """What time it is for all processes; an earlier test may have moved it on."""
        offset = self.sql('select "offset" from scheduling_clockoffset where id = 1')
        return datetime.now(UTC) + (offset or timedelta())

    def forward(self, step: timedelta) -> None:
        """Let `step` pass at once."""
        self.clock_to(self.now() + step)

    def forget_mails(self) -> None:
        """Empty the inbox of what earlier tests brought about."""
        for file in self.stack.inbox_dir.glob("*.eml"):
            file.unlink()

    def forget_signs_of_life(self) -> None:
        """Make /readyz wait for new ones: those of a child that was killed outlive it by seconds."""
        client = redis.Redis.from_url(self.valkey.url.replace("redis+socket://", "unix://"))
        for key in client.scan_iter("*heartbeat*"):
            client.delete(key)

    def mails(self) -> list[EmailMessage]:
        """Every mail that has arrived, oldest first. Each is read once: many look again and again."""
        files = sorted(self.stack.inbox_dir.glob("*.eml"))
        for file in files:
            if file not in self._mails:
                read = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
                self._mails[file] = read  # type: ignore[assignment]  # the policy makes it an EmailMessage
        return [self._mails[file] for file in files]

    def until(self, holds: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
        """Look until the workers have brought `what` about; returns what `holds` gave."""
        end = time.monotonic() + patience
        while not (found := holds()):
            assert time.monotonic() < end, f"not within {patience:.0f} s: {what}"
            time.sleep(0.1)
        return found

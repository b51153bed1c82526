"""The database and the broker: started here, or taken from DATABASE_URL and REDIS_URL."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from devstack.addresses import check_database, check_redis
from devstack.postgres import Postgres
from devstack.terminal import say
from devstack.valkey import Valkey


class Backing:
    """`with Backing(var) as backing:` gives `database_url` and `redis_url` that answer."""

    def __init__(self, var: Path, volatile: bool = False) -> None:
        self.var = var
        self.volatile = volatile
        self.started: list[Postgres | Valkey] = []
        self._exit = ExitStack()

    def __enter__(self) -> "Backing":
        given_database, given_redis = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
        if given_database:
            check_database(given_database)
        if given_redis:
            check_redis(given_redis)
        with ExitStack() as half_started:
            self.database_url = given_database or self._start_postgres(half_started)
            self.redis_url = given_redis or self._start_valkey(half_started)
            self._exit = half_started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def _start_postgres(self, stack: ExitStack) -> str:
        server = Postgres(self.var, volatile=self.volatile)
        say(f"Starting PostgreSQL {server.major} …")
        stack.callback(server.stop)
        server.start()
        self.started.append(server)
        return server.url

    def _start_valkey(self, stack: ExitStack) -> str:
        server = Valkey(self.var, volatile=self.volatile)
        say("Starting Valkey …")
        stack.callback(server.stop)
        server.start()
        self.started.append(server)
        return server.url

    def restart_dead(self) -> None:
        """Start again what has ended; call it now and then from the thread that entered."""
        for server in self.started:
            if server.process and server.process.poll() is not None:
                say(f"{server.name} ended unexpectedly: starting it again …")
                server.start()

"""DATABASE_URL and REDIS_URL from outside, tried before anything is started or written."""

from urllib.parse import unquote, urlsplit

import psycopg2
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack import StackError

OLDEST_POSTGRES = 15


def check_database(url: str) -> None:
    """Connect once; raise a sentence that says what is wrong with DATABASE_URL and what to do."""
    form = "postgres://user:password@host:5432/name"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"postgres", "postgresql"} and parts.path.strip("/")
        where = f"{unquote(parts.hostname or '')}:{parts.port or 5432}"
    except ValueError:
        usable, where = "", ""
    if not usable:
        raise StackError(f"DATABASE_URL is not the address of a PostgreSQL database: write it as {form}.")
    try:
        connection = psycopg2.connect(url, connect_timeout=5)
    except psycopg2.ProgrammingError as error:
        raise StackError(f"DATABASE_URL cannot be read: write it as {form}.") from error
    except psycopg2.OperationalError as error:
        raise StackError(_database_refusal(str(error), where, parts.path.strip("/"))) from error
    version = connection.server_version // 10_000
    connection.close()
    if version < OLDEST_POSTGRES:
        raise StackError(f"DATABASE_URL leads to PostgreSQL {version}: use version {OLDEST_POSTGRES} or newer.")


def _database_refusal(reason: str, where: str, name: str) -> str:
    if "FATAL" not in reason:
        return f"No PostgreSQL answers at {where}: start it, or correct DATABASE_URL."
    said = reason.partition("FATAL:")[2].strip().splitlines()[0]
    if "database" in said and "does not exist" in said:
        return f'The database "{name}" does not exist at {where}: create it, or correct DATABASE_URL.'
    return f"PostgreSQL at {where} refuses DATABASE_URL ({said}): correct its user, password or name."


def check_redis(url: str) -> None:
    """Ping once; raise a sentence that says what is wrong with REDIS_URL and what to do."""
    form = "redis://host:6379/0"
    try:
        address = url.replace("redis+socket://", "unix://")
        client = Redis.from_url(address, socket_connect_timeout=5, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        where = urlsplit(url).path if address.startswith("unix:") else urlsplit(url).netloc.rpartition("@")[2]
    except ValueError as error:
        raise StackError(f"REDIS_URL is not the address of a Redis or Valkey: write it as {form}.") from error
    try:
        with client:
            client.ping()
    except (RedisError, OSError) as error:
        if "auth" in str(error).lower():
            raise StackError(f"Redis at {where} refuses the password in REDIS_URL: correct it.") from error
        raise StackError(f"No Redis or Valkey answers at {where}: start it, or correct REDIS_URL.") from error

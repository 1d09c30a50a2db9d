"""Connections to SQLite and Postgres: how each is opened, and what its errors become. Knows no table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPICursor, DBAPIModule
from sqlalchemy.exc import ArgumentError

from spinbot.disk import storage_errors
from spinbot.errors import InputError, StorageError

CONNECT_S = 10
"""Seconds to wait for a Postgres that does not answer."""

_REFUSED = ("42501", "25006")  # Postgres: the user lacks a right; the server is a read-only copy


def encode(value: Any) -> str:
    """JSON as the database keeps it. Pydantic's writer takes a fifth of the time of Python's own."""
    return to_json(value, inf_nan_mode="constants").decode()


_JSON: dict[str, Any] = {"json_serializer": encode, "json_deserializer": from_json}


def open_engine(url: str) -> Engine:
    """Connections to the database at a URL; none is made yet. Raises `InputError` for a URL that is not understood.

    `postgres://` and `postgresql://` mean the driver psycopg 3. A connection that the server has closed meanwhile is
    replaced when it is taken from the pool.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, **_JSON)
        event.listen(engine, "connect", partial(_configure_sqlite, Path(parsed.database or ".")))
    else:
        engine = create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_S}, **_JSON)
    event.listen(engine, "handle_error", _explain)
    return engine


def _parse(url: str) -> URL:
    hint = "SPINBOT_DATABASE_URL is like postgresql://user:password@host/database, or empty for SQLite"
    try:
        parsed = make_url(url)
    except ArgumentError as error:  # its text may hold a password
        raise InputError("the database URL cannot be read", hint=hint, code="bad_database_url") from error
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise InputError(
            f"databases of the kind {parsed.drivername!r} are not known", hint=hint, code="bad_database_url"
        )
    return parsed


def _explain(context: ExceptionContext) -> None:
    if context.is_pre_ping:  # the pool looks whether a connection still lives, and makes another if not
        return
    cause = context.original_exception
    if known := explained(cause, context.dialect.loaded_dbapi):
        raise known from cause


def explained(cause: BaseException, dbapi: DBAPIModule) -> StorageError | InputError | None:
    """What users are told of a driver's error; None for one that is a defect.

    What the database cannot do (full disk, read-only file, no connection, no database) is a `StorageError`.
    """
    if (
        isinstance(cause, dbapi.OperationalError | dbapi.InterfaceError)
        or _refused(cause)
        or "not a database" in str(cause)
    ):
        return unavailable(cause)
    if isinstance(cause, dbapi.DataError | UnicodeEncodeError):
        return InputError(
            f"the job database does not take a value: {' '.join(str(cause).split())}",
            hint="texts must be Unicode without NUL, and names no longer than 200 characters",
            code="bad_text",
        )
    return None


@contextmanager
def driver_cursor(connection: Connection) -> Iterator[DBAPICursor]:
    """A cursor of the driver itself, within the connection's transaction; its errors are those of the connection."""
    cursor = connection.connection.cursor()
    dbapi = connection.dialect.loaded_dbapi
    try:
        yield cursor
    except (dbapi.Error, UnicodeEncodeError) as error:
        if known := explained(error, dbapi):
            raise known from error
        raise
    finally:
        cursor.close()


def _refused(cause: BaseException) -> bool:
    return getattr(cause, "sqlstate", None) in _REFUSED


def unavailable(cause: BaseException) -> StorageError:
    """The error for a database that does not do what it was asked."""
    return StorageError(
        f"the job database does not work: {' '.join(str(cause).split())}",
        hint="check the free space and the rights of SPINBOT_HOME, or SPINBOT_DATABASE_URL and its server",
        code="database_unavailable",
    )


def _configure_sqlite(place: Path, connection: Any, _record: Any) -> None:
    # WAL with NORMAL survives the death of any process; only a power cut may lose the last commits, never the
    # database. 0.1 ms a commit in place of some 5 ms with FULL.
    # A checkpoint waits for the disk: after 16 MB rather than 4, a graph of 1,000 nodes sees one.
    for pragma in ("busy_timeout=10000", "synchronous=NORMAL", "wal_autocheckpoint=4000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        # Once in the life of a file. Two that do it at once would each wait for the other; SQLite then refuses one.
        with storage_errors(place), upgrade_lock(place):
            connection.execute("PRAGMA journal_mode=WAL")


def upgrade_lock(place: Path) -> FileLock:
    """Lets one process at a time change what kind of database a file of SQLite is."""
    return FileLock(f"{place}.upgrade")

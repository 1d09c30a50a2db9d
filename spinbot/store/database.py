"""The tables of the job store and the connection to them. SQL is the one truth about jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateColumn

from spinbot.disk import storage_errors
from spinbot.errors import StorageError

metadata = MetaData()

Json = JSON(none_as_null=True)  # None is SQL's NULL, so that queries can ask for it

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("graph", Json, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("error", Json),
    Column("outputs", Json),
    Column("events", Integer, nullable=False, default=0),  # how many events it has: the last sequence number
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("wish", String(16)),  # what a user asked of whoever runs it: pause, cancel
    Column("owner", String(200)),  # the runner that holds the lease
    Column("epoch", Integer, nullable=False, server_default="0"),  # counts the leases: a former owner's is lower
    Column("lease_until", Float, nullable=False, server_default="0"),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
)

node_runs = Table(
    "node_runs",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("node", String(100), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("key", String(64), index=True),
    Column("outputs", Json),
    Column("engines", Json),
    Column("error", Json),
    Column("checkpoint", Json),  # how far an unfinished node came, in its own words
    Column("expansion", Json),  # the nodes that took this one's place
    Column("started", Float),
    Column("finished", Float),
)

events = Table(
    "events",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("time", Float, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("node", String(100)),
    Column("data", Json, nullable=False),
)

results = Table(  # the cache: what a node with this key answered
    "results",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("outputs", Json, nullable=False),
    Column("created", Float, nullable=False),
    Column("used", Float, nullable=False, server_default="0"),  # when a job last took it: the least recent leave first
)


def connect(url: str) -> Engine:
    """Open the job store at a SQLAlchemy URL, creating what is missing. Raises `StorageError`."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        place = Path(engine.url.database or ".").parent
        with storage_errors(place):
            place.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "handle_error", _explain)
    metadata.create_all(engine)
    _add_new_columns(engine)
    return engine


def _add_new_columns(engine: Engine) -> None:
    """Bring the tables of an older version up to date: every change so far has only added columns and indexes."""
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        have = {column["name"] for column in inspector.get_columns(table.name)}
        missing = [column for column in table.columns if column.name not in have]
        if not missing:
            continue
        with engine.begin() as connection:
            for column in missing:
                ddl = CreateColumn(column).compile(engine)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {ddl}"))
            for index in table.indexes:
                index.create(connection, checkfirst=True)


def _explain(context: ExceptionContext) -> None:
    """What the database cannot do (full disk, read-only file, no connection, no database) becomes a `StorageError`."""
    cause = context.original_exception
    if isinstance(context.sqlalchemy_exception, OperationalError) or "not a database" in str(cause):
        raise unavailable(cause) from cause


def unavailable(cause: BaseException) -> StorageError:
    """The error for a database that does not do what it was asked."""
    return StorageError(
        f"the job database does not work: {cause}",
        hint="check the free space and the rights of SPINBOT_HOME, or SPINBOT_DATABASE_URL",
        code="database_unavailable",
    )


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # WAL with NORMAL survives the death of any process; only a power cut may lose the last commits, never the
    # database. 0.1 ms a commit in place of some 5 ms with FULL.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

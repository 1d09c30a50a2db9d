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
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError

from spinbot.disk import storage_errors
from spinbot.errors import StorageError

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("graph", JSON, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("error", JSON),
    Column("outputs", JSON),
    Column("events", Integer, nullable=False, default=0),  # how many events it has: the last sequence number
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
    Column("key", String(64)),
    Column("outputs", JSON),
    Column("engines", JSON),
    Column("error", JSON),
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
    Column("data", JSON, nullable=False),
)

results = Table(  # the cache: what a node with this key answered
    "results",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("outputs", JSON, nullable=False),
    Column("created", Float, nullable=False),
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
    return engine


def _explain(context: ExceptionContext) -> None:
    """What the database cannot do (full disk, read-only file, no connection, no database) becomes a `StorageError`."""
    cause = context.original_exception
    if isinstance(context.sqlalchemy_exception, OperationalError) or "not a database" in str(cause):
        raise StorageError(
            f"the job database does not work: {cause}",
            hint="check the free space and the rights of SPINBOT_HOME, or SPINBOT_DATABASE_URL",
            code="database_unavailable",
        ) from cause


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # WAL with NORMAL survives the death of any process; only a power cut may lose the last commits, never the
    # database. 0.1 ms a commit in place of some 5 ms with FULL.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

"""The tables of the job store and the connection to them. SQL is the one truth about jobs."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock
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

from spinbot.disk import storage_errors
from spinbot.errors import StorageError

metadata = MetaData()

Json = JSON(none_as_null=True)  # None is SQL's NULL, so that queries can ask for it

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("error", Json),
    Column("outputs", Json),
    Column("events", Integer, nullable=False),  # how many events it has: the last sequence number
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("wish", String(16)),  # what a user asked of whoever runs it: pause, cancel
    Column("runner", String(200)),  # who holds the lease
    Column("epoch", Integer, nullable=False, server_default="0"),  # counts the leases: a former runner's is lower
    Column("lease_until", Float, nullable=False, server_default="0"),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
)

graphs = Table(  # apart from the job's row, which is written in every turn
    "graphs",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("document", Json, nullable=False),
)

node_runs = Table(
    "node_runs",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("node", String(500), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("key", String(64), index=True),
    Column("outputs", Json),
    Column("engines", Json),
    Column("error", Json),
    Column("checkpoint", Json),  # how far an unfinished node came, in its own words
    Column("expansion", Json),  # the nodes that took this one's place
    Column("started", Float),
    Column("finished", Float),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("time", Float, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("node", String(500)),
    Column("data", Json, nullable=False),
    sqlite_with_rowid=False,
)

results = Table(  # the cache: what a node with this key answered
    "results",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("outputs", Json, nullable=False),
    Column("created", Float, nullable=False),
    Column("used", Float, nullable=False, server_default="0"),  # when a job last took it: the least recent leave first
)


VERSION = "0002"
"""The newest step of `migrations`."""


def connect(url: str) -> Engine:
    """Open the job store at a SQLAlchemy URL and bring its tables up to date. Raises `StorageError`."""
    engine = create_engine(url)
    place = None
    if engine.dialect.name == "sqlite":
        place = Path(engine.url.database or ".")
        with storage_errors(place.parent):
            place.parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "handle_error", _explain)
    if _version(engine) != VERSION:
        upgrade(engine, place)
    return engine


def upgrade(engine: Engine, place: Path | None) -> None:
    """Run the steps that are missing, in one transaction; a second process that wants the same waits and finds it done.

    `place` is the database file of SQLite. Raises `StorageError`, also for tables of a newer version than this.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    steps = Config()
    steps.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    lock = FileLock(f"{place}.upgrade") if place else nullcontext()
    with storage_errors(place or Path(".")), lock, engine.connect() as connection:
        if place:  # its driver would commit before each step; and tables cannot be replaced while others point at them
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(727009)"))
        steps.attributes["connection"] = connection
        try:
            if "jobs" in (tables := inspect(connection).get_table_names()) and "alembic_version" not in tables:
                command.stamp(steps, "0001")  # made before steps were counted
            command.upgrade(steps, "head")
        except CommandError as error:
            raise StorageError(
                f"the job database was made by a newer version of spinbot: {error}",
                hint="upgrade spinbot, or set SPINBOT_HOME or SPINBOT_DATABASE_URL to another place",
                code="database_newer",
            ) from error
        connection.commit()
    engine.dispose()  # connections made meanwhile have prepared statements for the old tables


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


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
    # A checkpoint waits for the disk: after 16 MB rather than 4, a graph of 1,000 nodes sees one.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "wal_autocheckpoint=4000",
        "busy_timeout=10000",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")

"""The tables of the job store, and bringing them up to date. SQL is the one truth about jobs."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from spinbot.disk import storage_errors
from spinbot.errors import StorageError
from spinbot.store.connection import open_engine, upgrade_lock

metadata = MetaData()

# What an index is made of is no parameter: for one, SQLite passes the index over.
PREVIEWS = text("kind = 'node.preview'")
"""Events that show something while a node runs."""
RUNNING = text("node_runs.state = 'running' AND node_runs.key IS NOT NULL")
"""Nodes that run and want the cache."""

Json = JSON(none_as_null=True)  # None is SQL's NULL, so that queries can ask for it

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("owner", String(200), nullable=False, server_default="local"),
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
    Column("title", String(200), nullable=False, server_default=""),  # what people know it by
    Column("review", String(16)),  # approved, rejected
    Column("note", String(1000), nullable=False, server_default=""),  # what was said with it
    # Lists are filtered and counted in these alone: 10,000 jobs are 1 MB of index, but 10 MB of rows.
    Index("ix_jobs_listed", "created", "id", "state", "name", "title", "review"),
    Index("ix_jobs_owned", "owner", "created", "id", "state", "name", "title", "review"),
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
    Column("key", String(64)),
    Column("outputs", Json),
    Column("engines", Json),
    Column("error", Json),
    Column("checkpoint", Json),  # how far an unfinished node came, in its own words
    Column("expansion", Json),  # the nodes that took this one's place
    Column("started", Float),
    Column("finished", Float),
    # Of each node that begins it is asked whether another runner runs the same: of those that run, not of all ever run.
    Index("ix_node_runs_running", "key", sqlite_where=RUNNING, postgresql_where=RUNNING),
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
    # Pruning asks for these few among all.
    Index("ix_events_previews", "job", sqlite_where=PREVIEWS, postgresql_where=PREVIEWS),
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

job_artifacts = Table(  # what a job has shown of its files: who may read the job may read these
    "job_artifacts",
    metadata,
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("artifact", String(80), primary_key=True, index=True),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("artifact", String(80), primary_key=True),
    Column("owner", String(200), primary_key=True),
    Column("name", String(300), nullable=False),  # for people to read; never a path
    Column("kind", String(16), nullable=False),
    Column("mime", String(100), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created", Float, nullable=False),
    Index("ix_uploads_owned", "owner", "created"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("created", Float, nullable=False),
    Column("last_used", Float),
    Column("revoked", Float),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created", Float, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("url", String(2000), nullable=False),
    Column("payload", Json),  # what was last sent
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, index=True),  # when it is to be tried, once the job has ended; None: nothing is to be done
    Column("delivered", Float),
    Column("error", String(1000)),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("time", Float, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("key", String(32)),
    Column("action", String(100), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("data", Json, nullable=False),
    Index("ix_audit_subject", "subject", "id"),
)

switches = Table(
    "switches",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", Json, nullable=False),
    Column("changed", Float, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("name", String(63), nullable=False),
    Column("voice", String(200), nullable=False),
    Column("consent", Json),
    Column("created", Float, nullable=False),
    Index("ix_profiles_owned", "owner", "name", unique=True),
)
profile_parts = Table(
    "profile_parts",
    metadata,
    Column("profile", ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("artifact", String(80), nullable=False, index=True),
    Column("data", Json, nullable=False),
    Column("created", Float, nullable=False),
)
profile_jobs = Table(  # in which jobs a profile was used: they go when it is deleted
    "profile_jobs",
    metadata,
    Column("profile", ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True),
    Column("job", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, index=True),
)
tickets = Table(  # each opens one connection
    "tickets",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("key", String(32), nullable=False),
    Column("name", String(200), nullable=False),
    Column("until", Float, nullable=False),
)


VERSION = "0008"
"""The newest step of `migrations`."""


def connect(url: str) -> Engine:
    """Open the job store at a SQLAlchemy URL and bring its tables up to date. Raises `InputError`, `StorageError`."""
    engine = open_engine(url)
    place = None
    if engine.dialect.name == "sqlite":
        place = Path(engine.url.database or ".")
        with storage_errors(place.parent):
            place.parent.mkdir(parents=True, exist_ok=True)
    try:
        if _version(engine) != VERSION:
            upgrade(engine, place)
    except BaseException:
        engine.dispose()
        raise
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
    lock = upgrade_lock(place) if place else nullcontext()
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


def insert_or(dialect: Dialect, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can be told what to do where the row is there already (`on_conflict_do_...`)."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)

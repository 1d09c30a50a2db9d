"""Leases, wishes and priorities of jobs; checkpoints and expansions of nodes; graphs in a table of their own.

A job's row is written in every turn. SQLite writes a row whole, so a graph of 1,000 nodes (100 kB) in it made each turn
0.2 ms slower. Events and node runs are read and written by their keys only, so on SQLite they need no row numbers.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Copy what is stored into the new shape."""
    op.create_table(
        "graphs",
        sa.Column("job", sa.String(32), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.execute("INSERT INTO graphs (job, document) SELECT id, graph FROM jobs")
    op.drop_column("jobs", "graph")
    op.add_column("jobs", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("wish", sa.String(16)))
    op.add_column("jobs", sa.Column("runner", sa.String(200)))
    op.add_column("jobs", sa.Column("epoch", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("lease_until", sa.Float, nullable=False, server_default="0"))
    op.add_column("results", sa.Column("used", sa.Float, nullable=False, server_default="0"))
    op.execute("UPDATE results SET used = created")

    op.rename_table("node_runs", "old_node_runs")
    op.create_table(
        "node_runs",
        sa.Column("job", sa.String(32), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("node", sa.String(500), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("key", sa.String(64), index=True),
        sa.Column("outputs", sa.JSON),
        sa.Column("engines", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("checkpoint", sa.JSON),
        sa.Column("expansion", sa.JSON),
        sa.Column("started", sa.Float),
        sa.Column("finished", sa.Float),
        sqlite_with_rowid=False,
    )
    _copy("node_runs", "job, node, state, attempt, key, outputs, engines, error, started, finished")
    op.rename_table("events", "old_events")
    op.create_table(
        "events",
        sa.Column("job", sa.String(32), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("node", sa.String(500)),
        sa.Column("data", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
    _copy("events", "job, seq, time, kind, node, data")


def _copy(table: str, columns: str) -> None:
    op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM old_{table}")
    op.drop_table(f"old_{table}")

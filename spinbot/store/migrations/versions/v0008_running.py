"""The index of nodes' keys holds those that run, in place of all that ever ran."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Put one index in the place of the other."""
    running = sa.text("node_runs.state = 'running' AND node_runs.key IS NOT NULL")
    op.drop_index("ix_node_runs_key", "node_runs")
    op.create_index("ix_node_runs_running", "node_runs", ["key"], sqlite_where=running, postgresql_where=running)

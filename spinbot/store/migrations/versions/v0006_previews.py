"""An index of the events that show something while a node runs: what they name stays with the job."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the index."""
    previews = sa.text("kind = 'node.preview'")
    op.create_index("ix_events_previews", "events", ["job"], sqlite_where=previews, postgresql_where=previews)

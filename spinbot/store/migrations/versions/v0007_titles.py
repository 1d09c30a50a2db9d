"""Titles of jobs, and what people think of those that succeeded.

Lists are searched in the indexes alone, so these hold the new columns too. The longest entry of Postgres' index, of
letters that take four bytes, has 2,450 bytes; it takes up to 2,704.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

LISTED = ["created", "id", "state", "name", "title", "review"]


def upgrade() -> None:
    """Add the columns, empty, and make the indexes anew."""
    op.add_column("jobs", sa.Column("title", sa.String(200), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("review", sa.String(16)))
    op.add_column("jobs", sa.Column("note", sa.String(1000), nullable=False, server_default=""))
    for index, columns in (("ix_jobs_listed", LISTED), ("ix_jobs_owned", ["owner", *LISTED])):
        op.drop_index(index, "jobs")
        op.create_index(index, "jobs", columns)

"""Profiles: people with what they agreed to, what was given and trained of them, and in which jobs they were used."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "profiles",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("voice", sa.String(200), nullable=False),
        sa.Column("consent", sa.JSON(none_as_null=True)),
        sa.Column("created", sa.Float, nullable=False),
        sa.Index("ix_profiles_owned", "owner", "name", unique=True),
    )
    op.create_table(
        "profile_parts",
        _profile(),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("artifact", sa.String(80), nullable=False, index=True),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "profile_jobs",
        _profile(),
        sa.Column("job", sa.String(32), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, index=True),
    )


def _profile() -> sa.Column[str]:
    return sa.Column("profile", sa.String(32), sa.ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True)

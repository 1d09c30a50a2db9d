"""What a service needs: owners, keys, uploads, repeated requests, webhooks, an audit log, switches."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = re.compile(r"sha256:[0-9a-f]{64}")


def upgrade() -> None:
    """Give the stored jobs to the owner `local`, and create the new tables."""
    op.add_column("jobs", sa.Column("owner", sa.String(200), nullable=False, server_default="local"))
    op.create_index("ix_jobs_listed", "jobs", ["created", "id", "state", "name"])
    op.create_index("ix_jobs_owned", "jobs", ["owner", "created", "id", "state", "name"])
    op.create_table(
        "job_artifacts",
        _job(primary_key=True),
        sa.Column("artifact", sa.String(80), primary_key=True, index=True),
        sqlite_with_rowid=False,
    )
    _note_artifacts()
    op.create_table(
        "uploads",
        sa.Column("artifact", sa.String(80), primary_key=True),
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("mime", sa.String(100), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Index("ix_uploads_owned", "owner", "created"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("last_used", sa.Float),
        sa.Column("revoked", sa.Float),
    )
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("request_hash", sa.String(64), nullable=False),
        _job(nullable=False, index=True),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(32), primary_key=True),
        _job(nullable=False, index=True),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("payload", sa.JSON),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Float, index=True),
        sa.Column("delivered", sa.Float),
        sa.Column("error", sa.String(1000)),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("key", sa.String(32)),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Index("ix_audit_subject", "subject", "id"),
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
    )


def _job(**options: bool) -> sa.Column[str]:
    return sa.Column("job", sa.String(32), sa.ForeignKey("jobs.id", ondelete="CASCADE"), **options)  # type: ignore[arg-type]


def _note_artifacts() -> None:
    """Which files each stored job was given and made stands in its graph and in its nodes' outputs."""
    connection = op.get_bind()
    named = "SELECT job, CAST(document AS VARCHAR) FROM graphs"
    named += " UNION ALL SELECT job, CAST(outputs AS VARCHAR) FROM node_runs WHERE outputs IS NOT NULL"
    made = {(job, artifact) for job, text in connection.execute(sa.text(named)) for artifact in _ID.findall(text)}
    table = sa.table("job_artifacts", sa.column("job", sa.String), sa.column("artifact", sa.String))
    op.bulk_insert(table, [{"job": job, "artifact": artifact} for job, artifact in sorted(made)])

"""Deleting one version of a part of a profile, such as a look that came out badly, while the person stays.

The version's row stays behind without an artifact: a number is never given twice, and what was made with version 3 is
not taken for the work of another. Jobs stay, too: what they were given or have made is theirs, and their deletion is
what frees it. Whoever is to be forgotten as a whole deletes the profile.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select, update

from spinbot.errors import InputError, NotFoundError
from spinbot.store import database as db
from spinbot.store.artifacts import PrunableArtifacts, artifact_ids
from spinbot.store.jobs import ENDED
from spinbot.store.profiles import GONE, Part, Profile, forget_results
from spinbot.store.prune import loose


@dataclass(frozen=True)
class Removed:
    """What goes with a version."""

    part: Part
    freed: list[str]
    """Artifacts that nothing else needs."""
    kept: list[str]
    """Artifacts that jobs, uploads, or other parts need."""
    jobs: list[str]
    """The owner's jobs that were given one of its artifacts, or have made it; the oldest first."""


def remove_part(
    engine: Engine, profile: Profile, kind: str, version: int, artifacts: PrunableArtifacts, *, dry_run: bool
) -> Removed:
    """Forget a version, with the owner's uploads of its files and with stored results that name them.

    With `dry_run` only find out what would go. Raises `NotFoundError` (`no_part`), `InputError` (`job_running`).
    """
    with engine.connect() as connection, connection.begin() as transaction:
        removed = _remove(connection, profile, _part(profile, kind, version))
        if dry_run:
            transaction.rollback()
            return removed
    for artifact in removed.freed:
        artifacts.remove(artifact, older_than=time.time() + 1)
    return removed


def _part(profile: Profile, kind: str, version: int) -> Part:
    for part in profile.parts:
        if (part.kind, part.version) == (kind, version):
            return part
    known = ", ".join(f"{part.kind} {part.version}" for part in profile.parts)
    raise NotFoundError(
        f"{profile.name} has no {kind[:20]} {version}",
        hint=f"it has {known}" if known else "it has nothing yet",
        code="no_part",
    )


def _remove(connection: Connection, profile: Profile, part: Part) -> Removed:
    columns, uploads = db.profile_parts.c, db.uploads.c
    row = (columns.profile == profile.id) & (columns.kind == part.kind) & (columns.version == part.version)
    connection.execute(update(db.profile_parts).where(row).values(artifact=GONE, data={}))
    own = sorted({part.artifact, *artifact_ids(part.data)})
    jobs = _jobs(connection, profile, own)
    connection.execute(delete(db.uploads).where(uploads.artifact.in_(own) & (uploads.owner == profile.owner)))
    forget_results(connection, set(own))
    freed = loose(connection, own)
    return Removed(part, freed, [artifact for artifact in own if artifact not in freed], jobs)


def _jobs(connection: Connection, profile: Profile, artifacts: Sequence[str]) -> list[str]:
    shown, jobs = db.job_artifacts.c, db.jobs.c
    query = select(jobs.id, jobs.state).join(db.job_artifacts, shown.job == jobs.id)
    query = query.where(shown.artifact.in_(artifacts) & (jobs.owner == profile.owner)).distinct()
    found = connection.execute(query.add_columns(jobs.created).order_by(jobs.created, jobs.id)).all()
    if running := [row.id for row in found if row.state not in ENDED]:
        raise InputError(
            f"job {running[0]} needs it", hint=f"first: spinbot jobs cancel {running[0]}", code="job_running"
        )
    return [row.id for row in found]

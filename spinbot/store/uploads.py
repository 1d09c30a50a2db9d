"""Who may read which artifact: their uploads, what belongs to their profiles, what their jobs were given and have made.

An artifact is named by its content, so several owners may have the same one; none of them sees the others.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from sqlalchemy import ColumnElement, Connection, Engine, delete, select, union

from spinbot.errors import NotFoundError
from spinbot.store import database as db
from spinbot.store.artifacts import artifact_ids

_AT_ONCE = 500  # ids in one query: databases limit the number of parameters


@dataclass(frozen=True)
class Upload:
    """A file that somebody has given. `name` is what it was called there: to be shown, never a path."""

    artifact: str
    owner: str
    name: str
    kind: str
    """`image`, `audio` or `video`, by its content."""
    mime: str
    bytes: int
    created: float = field(default_factory=time.time)


class Uploads:
    """The uploads of one installation; artifacts.py has their bytes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, upload: Upload) -> None:
        """Store who has uploaded what; the same file of the same owner again renews its entry."""
        entry = asdict(upload) | {"name": upload.name[:300]}
        stored = db.insert_or(self._engine.dialect, db.uploads).values(**entry)
        renewed = stored.on_conflict_do_update(index_elements=["artifact", "owner"], set_=entry)
        with self._engine.begin() as connection:
            connection.execute(renewed)

    def get(self, artifact: str, owner: str) -> Upload:
        """The owner's upload. Raises `NotFoundError`, also for what others have uploaded."""
        with self._engine.connect() as connection:
            row = connection.execute(select(db.uploads).where(_of(artifact, owner))).first()
        if row is None:
            raise _unknown(artifact)
        return Upload(**row._mapping)

    def recent(self, owner: str, limit: int = 100) -> list[Upload]:
        """The owner's uploads, the newest first."""
        uploads = db.uploads.c
        query = select(db.uploads).where(uploads.owner == owner).order_by(uploads.created.desc(), uploads.artifact)
        with self._engine.connect() as connection:
            return [Upload(**row._mapping) for row in connection.execute(query.limit(limit))]

    def remove(self, artifact: str, owner: str) -> None:
        """Forget the owner's upload; its bytes go with the next pruning, unless a job or another owner needs them.

        Raises `NotFoundError`.
        """
        with self._engine.begin() as connection:
            if connection.execute(delete(db.uploads).where(_of(artifact, owner))).rowcount == 0:
                raise _unknown(artifact)

    def forget(self, artifact: str, owner: str) -> None:
        """`remove`, where there is such an upload."""
        with self._engine.begin() as connection:
            connection.execute(delete(db.uploads).where(_of(artifact, owner)))

    def expire(self, before: float) -> int:
        """Forget uploads of before this time (epoch seconds), as `remove` does, and return how many there were."""
        with self._engine.begin() as connection:
            return connection.execute(delete(db.uploads).where(db.uploads.c.created < before)).rowcount

    def readable(self, artifacts: Iterable[str], owner: str) -> set[str]:
        """Those of `artifacts` that the owner may read.

        To be asked for a request's own artifacts *before* its job is stored: from then on the job may read them.
        """
        asked, readable = list(dict.fromkeys(artifacts)), set[str]()
        uploads, shown, parts = db.uploads.c, db.job_artifacts.c, db.profile_parts.c
        with self._engine.connect() as connection:
            for start in range(0, len(asked), _AT_ONCE):
                some = asked[start : start + _AT_ONCE]
                given = select(uploads.artifact).where(uploads.artifact.in_(some) & (uploads.owner == owner))
                of_jobs = select(shown.artifact).join(db.jobs, db.jobs.c.id == shown.job)
                of_jobs = of_jobs.where(shown.artifact.in_(some) & (db.jobs.c.owner == owner))
                of_profiles = select(parts.artifact).join(db.profiles, db.profiles.c.id == parts.profile)
                of_profiles = of_profiles.where(parts.artifact.in_(some) & (db.profiles.c.owner == owner))
                readable.update(connection.execute(union(given, of_jobs, of_profiles)).scalars())
            if left := set(asked) - readable:
                readable |= left & _told_of_people(connection, owner)
        return readable


def _told_of_people(connection: Connection, owner: str) -> set[str]:
    """What the owner's profiles name besides their parts' own artifacts: samples, curves, other layouts, consents."""
    profiles, parts = db.profiles.c, db.profile_parts.c
    told = select(parts.data).join(db.profiles, profiles.id == parts.profile).where(profiles.owner == owner)
    agreed = select(profiles.consent).where((profiles.owner == owner) & profiles.consent.is_not(None))
    return set(artifact_ids([*connection.execute(told).scalars(), *connection.execute(agreed).scalars()]))


def _of(artifact: str, owner: str) -> ColumnElement[bool]:
    return (db.uploads.c.artifact == artifact) & (db.uploads.c.owner == owner)


def _unknown(artifact: str) -> NotFoundError:
    return NotFoundError(
        f"there is no upload {artifact!r}", hint="upload the file first, and use the id in the answer", code="no_upload"
    )

"""What a job has made of the person whose profile it uses: new versions, in the transaction that ends the job.

So a training that succeeded is in the profile whatever dies next, and one whose end was not stored is not. A training
that is repeated makes the same file again: where the newest version is that file already, there is nothing to add.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, bindparam, func, select, update
from sqlalchemy.engine.interfaces import DBAPICursor

from spinbot.store import database as db
from spinbot.store.prepared import Prepared, adding, new
from spinbot.store.profiles import GONE, PartKind


@dataclass(frozen=True)
class Made:
    """A new version of a part; `data` is free JSON about it."""

    kind: PartKind
    artifact: str
    data: dict[str, Any]


class TrainedParts:
    """Adds versions to the profile that a job uses."""

    def __init__(self, engine: Engine) -> None:
        jobs, profiles, parts = db.profile_jobs.c, db.profiles.c, db.profile_parts.c
        self._find = Prepared(engine, select(jobs.profile).where(jobs.job == bindparam("its_job")))
        # Whoever adds to the same profile at the same time waits at this row, so that numbers differ.
        held = update(db.profiles).where(profiles.id == bindparam("its_profile")).values(owner=profiles.owner)
        self._hold = Prepared(engine, held)
        same = (parts.profile == bindparam("its_profile")) & (parts.kind == bindparam("its_kind"))
        self._last = Prepared(engine, select(func.max(parts.version)).where(same))
        there = select(parts.artifact).where(same & (parts.artifact != GONE)).order_by(parts.version.desc()).limit(1)
        self._newest = Prepared(engine, there)
        self._add = Prepared(engine, adding(db.profile_parts, *(column.name for column in db.profile_parts.columns)))

    def add(self, cursor: DBAPICursor, job: str, made: Sequence[Made]) -> None:
        """Add what the job has made and is not the newest already; nothing where the job uses no profile."""
        row = self._find.execute(cursor, {"its_job": job}).fetchone()
        if row is None:
            return
        profile = row[0]
        self._hold.execute(cursor, {"its_profile": profile})
        for part in made:
            named = {"its_profile": profile, "its_kind": part.kind}
            newest = self._newest.execute(cursor, named).fetchone()
            if newest is not None and newest[0] == part.artifact:
                continue
            last = self._last.execute(cursor, named).fetchone()
            version = ((last[0] if last else None) or 0) + 1
            row_of = {"profile": profile, "version": version, "created": time.time()}
            self._add.execute(cursor, new(row_of | vars(part)))

"""The audit log: who used whose likeness and who deleted what. Entries are added and read, never changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select
from sqlalchemy.engine.interfaces import DBAPICursor

from spinbot.errors import NotFoundError
from spinbot.store import database as db
from spinbot.store.prepared import Prepared, adding, new


@dataclass(frozen=True)
class Entry:
    """One deed. `key` is the API key it was done with, if any; `time` is seconds since the epoch."""

    id: int
    time: float
    owner: str
    key: str | None
    action: str
    subject: str
    data: dict[str, Any]


class Audit:
    """The log of one installation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(
        self, action: str, subject: str, *, owner: str, key: str | None = None, data: dict[str, Any] | None = None
    ) -> None:
        """Add an entry: `action` as in `job.delete`, `subject` the id of what it was done to. Raises `StorageError`."""
        with self._engine.begin() as connection:
            record(connection, action, subject, owner=owner, key=key, data=data)

    def entries(
        self, *, owner: str | None = None, subject: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Entry]:
        """The newest first; with `before`, those that came before the entry with this id."""
        column = db.audit.c
        query = select(db.audit).order_by(column.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(column.owner == owner)
        if subject is not None:
            query = query.where(column.subject == subject)
        if before is not None:
            query = query.where(column.id < before)
        with self._engine.connect() as connection:
            return [Entry(**row._mapping) for row in connection.execute(query)]


def record(
    connection: Connection, action: str, subject: str, *, owner: str, key: str | None, data: dict[str, Any] | None
) -> None:
    """`Audit.record` as a part of the transaction that does the deed."""
    entry = {"action": action, "subject": subject, "owner": owner, "key": key, "data": data or {}}
    connection.execute(insert(db.audit).values(**entry, time=time.time()))


class Uses:
    """Records of jobs that use a profile, written within the transaction that stores the job."""

    def __init__(self, engine: Engine) -> None:
        self._find = Prepared(engine, select(db.profiles.c.name).where(db.profiles.c.id == bindparam("its_id")))
        self._bind = Prepared(engine, adding(db.profile_jobs, "profile", "job"))
        self._add = Prepared(engine, adding(db.audit, "time", "owner", "key", "action", "subject", "data"))

    def record(self, cursor: DBAPICursor, profile: str, job: str, *, owner: str, key: str | None) -> None:
        """The job uses the profile, and is bound to it. Raises `NotFoundError` where the profile is gone."""
        found = self._find.execute(cursor, {"its_id": profile}).fetchone()
        if found is None:
            raise NotFoundError(
                "the profile was deleted", hint="list them with: spinbot profile list", code="no_profile"
            )
        self._bind.execute(cursor, new({"profile": profile, "job": job}))
        deed = {"action": "profile.use", "subject": profile, "data": {"name": found[0], "job": job}}
        self._add.execute(cursor, new({"time": time.time(), "owner": owner, "key": key} | deed))

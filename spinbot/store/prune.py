"""The cache and its size: which stored results and artifacts nobody needs, and removing them.

What a job needs stays: of one that has not succeeded everything that it names, of one that succeeded what is in its
graph and its outputs, and of each what its nodes have shown of their work (`node.preview`). So does what somebody has
uploaded, and what belongs to a profile. Everything else is a cache: a result that is gone is computed again.

Results are chosen and deleted in one write transaction, so a job that takes a result is seen, or misses it. Files go
only after a second look at what is named by then, and only those that were put before the grace: a node that runs now
puts what it makes before its answer is stored.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, String, bindparam, cast, delete, select, text, update

from spinbot.store import database as db
from spinbot.store.artifacts import PrunableArtifacts
from spinbot.store.jobs import JobStore

GRACE_S = 3600.0  # no node takes longer from putting a file to its answer, and no upload stands still for longer
SETTLE_S = 1.0  # a runner that has read a result writes that it took it in the same turn, which takes some 10 ms

_ID = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Usage:
    """How many files there are, with their bytes: all, those that kept jobs need, those that only the cache has."""

    artifacts: int = 0
    bytes: int = 0
    needed: int = 0
    needed_bytes: int = 0
    cached: int = 0
    cached_bytes: int = 0
    unnamed: int = 0
    unnamed_bytes: int = 0
    results: int = 0

    def to_dict(self) -> dict[str, int]:
        """JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be."""

    results: int
    artifacts: int
    bytes: int
    temporary: int
    """Files that were left half written."""
    left_bytes: int
    """Size of what is left."""
    young_bytes: int
    """Part of what is left that nothing needs, but that was put too short a while ago."""

    def to_dict(self) -> dict[str, int]:
        """JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class _Result:
    key: str
    used: float
    artifacts: frozenset[str]


@dataclass
class _Stored:
    """The artifacts on disk: sizes in bytes, and which were put before the grace."""

    sizes: dict[str, int] = field(default_factory=dict)
    old: set[str] = field(default_factory=set)


class Cache:
    """The results and artifacts of one installation."""

    def __init__(self, jobs: JobStore, artifacts: PrunableArtifacts, *, grace_s: float = GRACE_S) -> None:
        self._engine = jobs.engine
        self._artifacts = artifacts
        self._grace_s = grace_s

    def usage(self) -> Usage:
        """What is stored, and what for."""
        stored = self._stored(time.time())
        with self._engine.connect() as connection:
            needed, results = _needed(connection), _results(connection)
        cached = {artifact for result in results for artifact in result.artifacts} - needed
        parts = {
            "needed": stored.sizes.keys() & needed,
            "cached": stored.sizes.keys() & cached,
            "unnamed": stored.sizes.keys() - needed - cached,
        }
        counts = {name: len(part) for name, part in parts.items()}
        sizes = {f"{name}_bytes": sum(stored.sizes[a] for a in part) for name, part in parts.items()}
        return Usage(len(stored.sizes), sum(stored.sizes.values()), results=len(results), **counts, **sizes)

    def prune(
        self, *, max_bytes: int | None = None, older_than_s: float | None = None, dry_run: bool = False
    ) -> Pruned:
        """Remove results not used for `older_than_s`, then the least recently used until `max_bytes` are left.

        Without either only what nothing names goes. Raises `StorageError`.
        """
        now = time.time()
        stored = self._stored(now)
        with self._engine.begin() as connection:
            _lock(connection)
            needed, results = _needed(connection), _results(connection)
            leaving = _leaving(results, needed, stored, max_bytes, None if older_than_s is None else now - older_than_s)
            if leaving and not dry_run:
                one = delete(db.results).where(db.results.c.key == bindparam("its_key"))
                connection.execute(one, [{"its_key": key} for key in leaving])
        if not dry_run and leaving:
            time.sleep(SETTLE_S)
        with self._engine.connect() as connection:
            named = _needed(connection)
            for result in _results(connection):
                if result.key not in leaving or not dry_run:
                    named |= result.artifacts
        unnamed = stored.sizes.keys() - named
        going = {artifact: stored.sizes[artifact] for artifact in unnamed & stored.old}
        if not dry_run:
            going = {a: self._artifacts.remove(a, older_than=now - self._grace_s) for a in going}
        return Pruned(
            results=len(leaving),
            artifacts=sum(size > 0 for size in going.values()),
            bytes=sum(going.values()),
            temporary=self._artifacts.clear_temporary(older_than=now - self._grace_s, dry_run=dry_run),
            left_bytes=sum(stored.sizes.values()) - sum(going.values()),
            young_bytes=sum(stored.sizes[artifact] for artifact in unnamed - stored.old),
        )

    def _stored(self, now: float) -> _Stored:
        found = _Stored()
        for artifact, size, put in self._artifacts.stored():
            found.sizes[artifact] = size
            if put < now - self._grace_s:
                found.old.add(artifact)
        return found


def loose(connection: Connection, artifacts: Iterable[str]) -> list[str]:
    """Those of `artifacts` that no job, upload, profile or stored result needs."""
    named = _needed(connection)
    for result in _results(connection):
        named |= result.artifacts
    return [artifact for artifact in artifacts if artifact not in named]


def _leaving(
    results: list[_Result], needed: set[str], stored: _Stored, max_bytes: int | None, unused_since: float | None
) -> set[str]:
    """Keys of the results to delete."""
    leaving: set[str] = set()
    holders = Counter(artifact for result in results for artifact in result.artifacts)
    removable = stored.old - needed
    left = sum(stored.sizes.values()) - sum(stored.sizes[artifact] for artifact in removable if not holders[artifact])
    for result in results:  # the least recently used first
        aged = unused_since is not None and result.used < unused_since
        # One whose files all stay anyway frees nothing.
        crowded = max_bytes is not None and left > max_bytes and bool(result.artifacts & removable)
        if not aged and not crowded:
            continue
        leaving.add(result.key)
        for artifact in result.artifacts:
            holders[artifact] -= 1
            if holders[artifact] == 0 and artifact in removable:
                left -= stored.sizes[artifact]
    return leaving


def _lock(connection: Connection) -> None:
    """Let no job write until this transaction ends: what is read from here on stays true."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE jobs, node_runs, results IN SHARE ROW EXCLUSIVE MODE"))
    else:  # SQLite takes its one write lock with the first statement that may write, whether it changes a row or not
        connection.execute(update(db.results).where(db.results.c.key == "").values(used=0.0))


def _needed(connection: Connection) -> set[str]:
    """Artifacts that jobs need, uploads, and those of profiles."""
    done = db.jobs.c.state == "succeeded"
    rows = db.node_runs.c
    kept = [
        select(db.graphs.c.document, db.jobs.c.outputs).join(db.jobs, db.jobs.c.id == db.graphs.c.job),
        select(rows.outputs, rows.checkpoint, rows.expansion).join(db.jobs, db.jobs.c.id == rows.job).where(~done),
        select(db.events.c.data).where(db.PREVIEWS),
        select(db.uploads.c.artifact),
        select(db.profile_parts.c.artifact, db.profile_parts.c.data),
        select(db.profiles.c.consent),
    ]
    found: set[str] = set()
    for query in kept:
        as_text = query.with_only_columns(*(cast(column, String) for column in query.selected_columns))
        for row in connection.execute(as_text):
            found.update(_named(row))
    return found


def _results(connection: Connection) -> list[_Result]:
    """Stored results, the least recently used first."""
    columns = db.results.c
    query = select(columns.key, columns.used, cast(columns.outputs, String)).order_by(columns.used, columns.key)
    return [_Result(key, used, frozenset(_named([outputs]))) for key, used, outputs in connection.execute(query)]


def _named(texts: Iterable[Any]) -> Iterator[str]:
    """Artifact ids anywhere in JSON texts."""
    for found in texts:
        if found is not None:
            yield from _ID.findall(found)

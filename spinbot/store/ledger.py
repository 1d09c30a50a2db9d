"""What a runner writes: each turn of a job is one transaction, and only whoever holds the job's lease can write it.

A lease is taken with an epoch that grows by one. Every write names the epoch, so a runner that was thought dead and
wakes up again changes nothing: its epoch is no longer the job's. A lease that is not renewed runs out after `lease_s`;
that of a process of this machine which has ended is free at once.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psutil
from sqlalchemy import Table, bindparam, func, insert, or_, select, update
from sqlalchemy.engine.interfaces import DBAPICursor

from spinbot.errors import LeaseLostError
from spinbot.store import database as db
from spinbot.store.artifacts import artifact_ids
from spinbot.store.jobs import LOCAL, Event, Job, JobState, JobStore, Lease, Wish
from spinbot.store.node_runs import NodeRun
from spinbot.store.prepared import Driver, Prepared, adding, new, read_json
from spinbot.store.trained import Made, TrainedParts


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


_OPEN = ("queued", "running")
_SHARED = ("events", "priority", "wish", "lease_until")  # what a turn answers: users and renewals write some too
_ROW = ("state", "attempt", "key", "outputs", "engines", "error", "checkpoint", "expansion", "started", "finished")
_UPDATE_ROW = (
    update(db.node_runs)
    .where((db.node_runs.c.job == bindparam("its_job")) & (db.node_runs.c.node == bindparam("its_node")))
    .values({name: bindparam(f"new_{name}") for name in _ROW})
)
_UPDATE_JOB = (
    update(db.jobs)
    .where(
        (db.jobs.c.id == bindparam("its_id"))
        & (db.jobs.c.runner == bindparam("its_runner"))
        & (db.jobs.c.epoch == bindparam("its_epoch"))
    )
    .values(events=db.jobs.c.events + bindparam("more"))
    .returning(*(db.jobs.c[name] for name in _SHARED))
)
_FIND_LEASE = select(*(db.jobs.c[name] for name in ("state", "runner", "epoch", "lease_until"))).where(
    db.jobs.c.id == bindparam("its_id")
)
_TAKE_LEASE = (
    update(db.jobs)
    .where(
        (db.jobs.c.id == bindparam("its_id"))
        & (db.jobs.c.epoch == bindparam("its_epoch"))
        & or_(*(db.jobs.c.state == state for state in _OPEN))
    )
    .values({name: bindparam(f"new_{name}") for name in ("runner", "epoch", "lease_until")})
)
_ADD_EVENT = adding(db.events, *_names(db.events))
_ADD_ROW = insert(db.node_runs).values(
    {"job": bindparam("its_job"), "node": bindparam("its_node")} | {name: bindparam(f"new_{name}") for name in _ROW}
)
_TOUCH = update(db.results).where(db.results.c.key == bindparam("its_key")).values(used=bindparam("new_used"))
_FIND_RESULT = select(db.results.c.outputs).where(db.results.c.key == bindparam("its_key"))
_LOCK_KEY = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("its_key"), 0)))
_RUNNING_ELSEWHERE = (
    select(db.node_runs.c.key)
    .join(db.jobs, db.jobs.c.id == db.node_runs.c.job)
    .where(
        (db.node_runs.c.key == bindparam("its_key"))
        & db.RUNNING
        & (db.jobs.c.runner != bindparam("me"))
        & (db.jobs.c.lease_until > bindparam("now"))
    )
)


class _BusyError(Exception):
    """Another runner runs the nodes with these keys."""

    def __init__(self, keys: set[str]) -> None:
        super().__init__(keys)
        self.keys = keys


MOST_OFFERED = 200


@dataclass(frozen=True)
class Claimable:
    """A job that waits for a runner."""

    id: str
    owner: str
    priority: int
    created: float
    wish: Wish | None


@dataclass(frozen=True)
class Asked:
    """What a user wants of a job that runs."""

    job: str
    wish: Wish | None
    priority: int


@dataclass
class Turn:
    """What changed in one step of a job: rows of nodes, new nodes, events, and the job's own state."""

    events: list[tuple[float, str, str | None, dict[str, Any]]] = field(default_factory=list)
    rows: dict[str, NodeRun] = field(default_factory=dict)
    new: dict[str, NodeRun] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """Keys of stored results that were taken."""
    job: dict[str, Any] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    """New versions for the profile that the job uses."""

    def say(self, kind: str, node: str | None, data: dict[str, Any]) -> None:
        """Add an event."""
        self.events.append((time.time(), kind, node, data))

    def change(self, run: NodeRun, data: dict[str, Any], kind: str = "") -> None:
        """Add a node's row as it is now, and the event that says so."""
        self.rows[run.node] = run
        self.say(kind or f"node.{run.state}", run.node, data)

    def end(self, state: JobState, told: dict[str, Any] | None = None, **changes: Any) -> None:
        """Add the job's own new state, with `error` or `outputs` where given; `told` is for the event alone."""
        now = time.time()
        stamp = {} if state == "paused" else {"started": now} if state == "running" else {"finished": now}
        self.job |= {"state": state, **stamp, **changes}
        self.say(f"job.{state}", None, changes | (told or {}))

    def __bool__(self) -> bool:
        return bool(self.events or self.job)


class Written(NamedTuple):
    """What came of a turn."""

    events: list[Event]
    """The turn's, with their numbers."""
    busy: set[str]
    """Keys of nodes that another runner runs at this moment; then nothing is stored."""
    job: dict[str, Any]
    """By field of `Job`, what the turn has changed, and what others than a job's runner may change."""


class Ledger:
    """One runner's hold on the jobs it runs."""

    def __init__(self, jobs: JobStore, lease_s: float) -> None:
        self._jobs = jobs
        self._engine = jobs.engine
        self._lease_s = lease_s
        self.name = f"{_place()}:{uuid.uuid4().hex[:8]}"
        self._driver = Driver(self._engine)
        self._updates: dict[tuple[str, ...], Prepared] = {}
        self._find_lease = Prepared(self._engine, _FIND_LEASE)
        self._take_lease = Prepared(self._engine, _TAKE_LEASE)
        self._update_row = Prepared(self._engine, _UPDATE_ROW)
        self._add_row = Prepared(self._engine, _ADD_ROW)
        self._touch = Prepared(self._engine, _TOUCH)
        self._add_event = Prepared(self._engine, _ADD_EVENT)
        self._find_result = Prepared(self._engine, _FIND_RESULT)
        self._running_elsewhere = Prepared(self._engine, _RUNNING_ELSEWHERE)
        self._lock_key = Prepared(self._engine, _LOCK_KEY)
        self._trained = TrainedParts(self._engine)
        dialect = self._engine.dialect
        remember = db.insert_or(dialect, db.results).values(
            {name: bindparam(f"new_{name}") for name in _names(db.results)}
        )
        taken = {name: remember.excluded[name] for name in ("outputs", "created", "used")}
        self._remember = Prepared(self._engine, remember.on_conflict_do_update(index_elements=["key"], set_=taken))
        shown = db.insert_or(dialect, db.job_artifacts).values(
            job=bindparam("its_job"), artifact=bindparam("its_artifact")
        )
        self._add_artifact = Prepared(self._engine, shown.on_conflict_do_nothing())

    def enter(self, name: str, graph: dict[str, Any], *, priority: int, profile: str | None) -> Job:
        """Store a job whose lease this runner has from then on: `JobStore.create` and `claim` in one transaction."""
        now = time.time()
        lease = Lease(self.name, since=now, until=now + self._lease_s)
        with self._driver.transaction() as cursor:
            job = self._jobs.add(cursor, name, graph, priority=priority, profile=profile, lease=lease)
        return Job(
            id=job,
            name=name,
            title=graph.get("title", ""),
            owner=LOCAL,
            state="queued",
            error=None,
            outputs=None,
            events=1,
            priority=priority,
            wish=None,
            runner=self.name,
            epoch=1,
            lease_until=lease.until,
            created=now,
            started=None,
            finished=None,
            graph=graph,
            nodes={node: NodeRun(node) for node in graph["nodes"]},
        )

    def claim(self, job: str) -> Job | None:
        """Take the lease of a queued or abandoned job and return the job as it then stands; None if it is not free.

        Raises `NotFoundError`.
        """
        with self._driver.transaction() as cursor:
            stored = self._find_lease.execute(cursor, {"its_id": job}).fetchone()
            if stored is None:
                raise self._jobs.unknown(job)
            state, runner, epoch, lease_until = stored
            now = time.time()
            if state not in _OPEN or (lease_until > now and not _ended_here(runner)):
                return None
            mine = {"new_runner": self.name, "new_epoch": epoch + 1, "new_lease_until": now + self._lease_s}
            if self._take_lease.execute(cursor, {"its_id": job, "its_epoch": epoch} | mine).rowcount == 0:
                return None
            return self._jobs.read(cursor, job)

    def read(self, job: str) -> Job:
        """The job as it stands. Raises `NotFoundError`."""
        with self._driver.transaction() as cursor:
            return self._jobs.read(cursor, job)

    def claimable(self, *, wished: bool = False) -> list[Claimable]:
        """Jobs that are queued, or whose runner is gone: those of high priority first, then the oldest.

        Of the queued ones of an owner only the first `MOST_OFFERED`, so that a look costs the same however many wait.
        With `wished` only those that somebody wants to pause or cancel.
        """
        columns, offered = db.jobs.c, (db.jobs.c.priority.desc(), db.jobs.c.created)
        place = func.row_number().over(partition_by=(columns.owner, columns.state), order_by=offered).label("place")
        among = [columns.state.in_(_OPEN), *([columns.wish.is_not(None)] if wished else [])]
        ranked = select(columns.id, place).where(*among).subquery()
        first = (columns.state == "running") | columns.wish.is_not(None) | (ranked.c.place <= MOST_OFFERED)
        open_jobs = (
            select(*(columns[name] for name in ("id", "owner", "priority", "created", "wish", "runner", "lease_until")))
            .join(ranked, ranked.c.id == columns.id)
            .where(first)
            .order_by(*offered)
        )
        with self._engine.connect() as connection:
            found = connection.execute(open_jobs).all()
        now = time.time()
        return [
            Claimable(row.id, row.owner, row.priority, row.created, row.wish)
            for row in found
            if row.lease_until <= now or _ended_here(row.runner)
        ]

    def renew(self, jobs: Iterable[str]) -> None:
        """Renew the leases of the given jobs."""
        with self._engine.begin() as connection:
            connection.execute(
                update(db.jobs)
                .where(db.jobs.c.id.in_(list(jobs)) & (db.jobs.c.runner == self.name))
                .values(lease_until=time.time() + self._lease_s)
            )

    def asked(self, jobs: Iterable[str]) -> list[Asked]:
        """What users want of the given jobs."""
        columns = db.jobs.c
        query = select(columns.id, columns.wish, columns.priority).where(columns.id.in_(list(jobs)))
        with self._engine.connect() as connection:
            return [Asked(*row) for row in connection.execute(query)]

    def known(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Stored results by cache key."""
        with self._driver.transaction() as cursor:
            found = {key: self._find_result.execute(cursor, {"its_key": key}).fetchone() for key in keys}
        return {key: read_json(row[0]) for key, row in found.items() if row is not None}

    def write(self, job: str, epoch: int, turn: Turn) -> Written:
        """Store a turn, all of it or nothing.

        A node that is about to run in this turn while another runner runs one with the same key must not: then
        nothing is stored. Raises `LeaseLostError`, `StorageError`.
        """
        try:
            return self._write(job, epoch, turn)
        except _BusyError as busy:
            return Written([], busy.keys, {})

    def _write(self, job: str, epoch: int, turn: Turn) -> Written:
        with self._driver.transaction() as cursor:
            lease = {"its_id": job, "its_runner": self.name, "its_epoch": epoch, "more": len(turn.events)}
            row = self._update_job(tuple(turn.job)).execute(cursor, lease | new(turn.job)).fetchone()
            if row is None:
                raise LeaseLostError(f"job {job} was taken over by another runner")
            if busy := self._elsewhere(cursor, turn):
                raise _BusyError(busy)
            first = row[0] - len(turn.events) + 1
            events = [Event(job, first + n, *what) for n, what in enumerate(turn.events)]
            self._add_event.execute_many(cursor, [new(vars(event)) for event in events])
            if shown := {artifact for event in events for artifact in artifact_ids(event.data)}:
                self._add_artifact.execute_many(cursor, [{"its_job": job, "its_artifact": a} for a in shown])
            if turn.new:
                self._add_row.execute_many(cursor, [_binds(job, run) for run in turn.new.values()])
            if rows := [_binds(job, run) for run in turn.rows.values() if run.node not in turn.new]:
                self._update_row.execute_many(cursor, rows)
            self._keep_results(cursor, turn)
            if turn.made:
                self._trained.add(cursor, job, turn.made)
        return Written(events, set(), turn.job | dict(zip(_SHARED, row, strict=True)))

    def _update_job(self, columns: tuple[str, ...]) -> Prepared:
        """The update that also sets these columns; there are some five kinds, and compiling one takes 0.6 ms."""
        if columns not in self._updates:
            changed = _UPDATE_JOB.values({name: bindparam(f"new_{name}") for name in columns})
            self._updates[columns] = Prepared(self._engine, changed)
        return self._updates[columns]

    def _elsewhere(self, cursor: DBAPICursor, turn: Turn) -> set[str]:
        starting = sorted(run.key for run in turn.rows.values() if run.state == "running" and run.key)
        # SQLite lets one writer in at a time, so what is read now stays true. On Postgres whoever starts the same node
        # waits here until this turn is stored, and then sees it.
        if self._engine.dialect.name == "postgresql":
            for key in starting:
                self._lock_key.execute(cursor, {"its_key": key})
        asked = {"me": self.name, "now": time.time()}
        return {key for key in starting if self._running_elsewhere.execute(cursor, {"its_key": key} | asked).fetchone()}

    def _keep_results(self, cursor: DBAPICursor, turn: Turn) -> None:
        now = time.time()
        results = [
            {"new_key": run.key, "new_outputs": run.outputs, "new_created": now, "new_used": now}
            for run in turn.rows.values()
            if run.state == "succeeded" and run.key
        ]
        if results:
            self._remember.execute_many(cursor, results)
        if turn.used:
            self._touch.execute_many(cursor, [{"its_key": key, "new_used": now} for key in turn.used])


def _binds(job: str, run: NodeRun) -> dict[str, Any]:
    return {"its_job": job, "its_node": run.node} | {f"new_{name}": getattr(run, name) for name in _ROW}


def _place() -> str:
    """This process: host name, process id, and when it began, since process ids come again."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def _ended_here(runner: str | None) -> bool:
    """Whether a runner was a process of this machine that has ended."""
    if runner is None:
        return True
    host, pid, began, _ = runner.rsplit(":", 3)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        return process.status() == psutil.STATUS_ZOMBIE or f"{process.create_time():.2f}" != began
    except psutil.NoSuchProcess:
        return True

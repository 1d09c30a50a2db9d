"""Jobs, the runs of their nodes and their events: admission, reading, and what users ask of those who run them.

States of a job: `queued -> running -> succeeded | failed | cancelled`, with `paused` on the way where a user asked
for it. States of a node: `pending, running, expanded, cached, succeeded, failed, skipped, cancelled`. A job's events
are numbered 1, 2, 3, ... without a gap, so a reader who saw number n asks for what came after n and misses nothing.
Only the runner that holds a job's lease changes it after admission (ledger.py).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from contextlib import nullcontext, suppress
from dataclasses import dataclass, fields
from threading import Lock
from typing import Any, Literal

from sqlalchemy import Engine, bindparam, case, delete, func, insert, select, update
from sqlalchemy.engine.interfaces import DBAPICursor

from spinbot.errors import InputError, NotFoundError
from spinbot.store import database as db
from spinbot.store import listing, repeats
from spinbot.store.artifacts import artifact_ids
from spinbot.store.audit import Uses
from spinbot.store.connection import driver_cursor
from spinbot.store.node_runs import DONE, NodeRun, in_order
from spinbot.store.prepared import Prepared, adding, new

JobState = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Wish = Literal["pause", "cancel"]
Verdict = Literal["approved", "rejected"]
Review = Literal["approved", "rejected", "open"]
"""What lists of jobs are filtered by; open: a job that succeeded and has no verdict."""

LOCAL = "local"
"""The owner of what is made without an API key."""

ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
_FREE: dict[str, Any] = {"runner": None, "epoch": 0, "lease_until": 0.0}


@dataclass(frozen=True)
class Event:
    """One persisted fact about a job. `kind` is `job.<state>`, `node.<state, progress, ...>`, `model.*` or `log`."""

    job: str
    seq: int
    time: float
    kind: str
    node: str | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Lease:
    """Whose a job is from the moment it is stored. Times are seconds since the epoch."""

    runner: str
    since: float
    until: float


@dataclass(frozen=True)
class JobSummary:
    """How a job stands, without its graph and nodes. Times are seconds since the epoch."""

    id: str
    name: str
    owner: str
    state: JobState
    error: dict[str, Any] | None
    outputs: dict[str, Any] | None
    events: int
    priority: int
    wish: Wish | None
    runner: str | None
    epoch: int
    lease_until: float
    created: float
    started: float | None
    finished: float | None
    title: str = ""
    """What people know it by; empty where nothing told."""
    review: Verdict | None = None
    note: str = ""
    """What was said with the verdict."""


@dataclass(frozen=True, kw_only=True)
class Job(JobSummary):
    """One run of a graph. `nodes` also holds the nodes that others expanded into."""

    graph: dict[str, Any]
    nodes: dict[str, NodeRun]


# Made once: SQLAlchemy takes twice as long to make one of these anew as to run it.
_JOB = select(db.jobs).where(db.jobs.c.id == bindparam("its_id"))
_JOB_AND_GRAPH = _JOB.add_columns(db.graphs.c.document.label("graph")).join(db.graphs)
_NODE_RUNS = select(*(db.node_runs.c[field.name] for field in fields(NodeRun))).where(
    db.node_runs.c.job == bindparam("its_id")
)
_FIRST = ("id", "name", "title", "owner", "state", "priority", "created", "events", "runner", "epoch", "lease_until")
_ADD_JOB = adding(db.jobs, *_FIRST)
_ADD_GRAPH = adding(db.graphs, "job", "document")
_ADD_NODE = adding(db.node_runs, "job", "node", "state", "attempt")
_ADD_ARTIFACT = adding(db.job_artifacts, "job", "artifact")
_ADD_EVENT = adding(db.events, *(field.name for field in fields(Event)))
_OPEN_OF = select(func.count()).where(
    db.jobs.c.owner == bindparam("its_owner"), *(db.jobs.c.state != state for state in sorted(ENDED))
)
_EVENTS = (
    select(*(db.events.c[field.name] for field in fields(Event)))
    .where((db.events.c.job == bindparam("its_id")) & (db.events.c.seq > bindparam("seen")))
    .order_by(db.events.c.seq)
)


class JobStore:
    """Admits jobs and reads them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._job = Prepared(engine, _JOB)
        self._job_and_graph = Prepared(engine, _JOB_AND_GRAPH)
        self._node_runs = Prepared(engine, _NODE_RUNS)
        self._open_of = Prepared(engine, _OPEN_OF)
        self._add_job = Prepared(engine, _ADD_JOB)
        self._add_graph = Prepared(engine, _ADD_GRAPH)
        self._add_node = Prepared(engine, _ADD_NODE)
        self._add_artifact = Prepared(engine, _ADD_ARTIFACT)
        self._add_event = Prepared(engine, _ADD_EVENT)
        self._events = Prepared(engine, _EVENTS)
        self._uses = Uses(engine)
        # SQLite lets one writer in; the threads of a process that wait for it there look again after 1 to 100 ms only.
        self._one_writer = Lock() if engine.dialect.name == "sqlite" else nullcontext()

    def create(
        self,
        name: str,
        graph: dict[str, Any],
        *,
        priority: int = 0,
        owner: str = LOCAL,
        idempotency_key: str | None = None,
        request: Any = None,
        webhook: str | None = None,
        told: dict[str, Any] | None = None,
        profile: str | None = None,
        key: str | None = None,
    ) -> str:
        """Store a job and its nodes as `queued` and return its id: from here on it is not lost.

        The same `idempotency_key` of the same owner makes one job only: again with the same `request` (a JSON value;
        none: name, graph, priority and webhook) it returns that job's id, with another it raises `InputError` with the
        code `idempotency_conflict`. `webhook` is a URL that is told when the job has ended (webhooks.py). The rest as
        for `add`.
        """
        asked = [name, graph, priority, webhook] if request is None else request
        request_hash = "" if idempotency_key is None else repeats.digest(asked)
        while True:
            # Where the same request comes twice at once, the second finds the first one's job when it looks again.
            with self._one_writer, suppress(repeats.RepeatedError), self.engine.begin() as connection:
                if first := repeats.first_job(connection, owner, idempotency_key, request_hash):
                    return first
                with driver_cursor(connection) as cursor:
                    job = self.add(cursor, name, graph, priority, owner, told=told, profile=profile, key=key)
                if webhook is not None:
                    again = {"attempts": 0, "next_at": time.time()}
                    connection.execute(insert(db.webhooks).values(id=uuid.uuid4().hex, job=job, url=webhook, **again))
                repeats.remember(connection, owner, idempotency_key, request_hash, job)
                return job

    def add(
        self,
        cursor: DBAPICursor,
        name: str,
        graph: dict[str, Any],
        priority: int = 0,
        owner: str = LOCAL,
        *,
        told: dict[str, Any] | None = None,
        profile: str | None = None,
        key: str | None = None,
        lease: Lease | None = None,
    ) -> str:
        """A new job with its nodes, within a transaction; the job's row first, as in every one, so that none deadlock.

        `told` goes into the job's first event. `profile` is the id of the one that it uses: the job goes when that
        goes, and the use stands in the audit log, with `key`, the id of the API key. With a `lease` it is that
        runner's at once. Raises `NotFoundError` for a profile that was deleted meanwhile.
        """
        job, now = uuid.uuid4().hex[:12], lease.since if lease else time.time()
        held = {"runner": lease.runner, "epoch": 1, "lease_until": lease.until} if lease else _FREE
        known_by = {"name": name, "title": graph.get("title", "")}
        row = {"id": job, "owner": owner, "state": "queued", "priority": priority, "created": now, "events": 1}
        queued = Event(job, 1, now, "job.queued", None, known_by | {"nodes": list(graph["nodes"])} | (told or {}))
        self._add_job.execute(cursor, new(known_by | row | held))
        self._add_graph.execute(cursor, new({"job": job, "document": graph}))
        nodes = [{"job": job, "node": node, "state": "pending", "attempt": 0} for node in graph["nodes"]]
        self._add_node.execute_many(cursor, map(new, nodes))
        if given := [new({"job": job, "artifact": artifact}) for artifact in set(artifact_ids(graph))]:
            self._add_artifact.execute_many(cursor, given)
        self._add_event.execute(cursor, new(vars(queued)))
        if profile is not None:
            self._uses.record(cursor, profile, job, owner=owner, key=key)
        return job

    def repeated(self, owner: str, idempotency_key: str, request: Any) -> str | None:
        """The job that the same request has made, before any work on it. Raises `InputError` as `create` does."""
        with self.engine.connect() as connection:
            return repeats.first_job(connection, owner, idempotency_key, repeats.digest(request))

    def get(self, job: str, owner: str | None = None) -> Job:
        """The job with its nodes in the graph's order, expansions behind their node.

        Raises `NotFoundError` for one that is not there, and in the same words for one of another `owner`.
        """
        with self.engine.connect() as connection, driver_cursor(connection) as cursor:
            return self.read(cursor, job, owner)

    def read(self, cursor: DBAPICursor, job: str, owner: str | None = None) -> Job:
        """`get` within a transaction."""
        row = self._row(cursor, self._job_and_graph, job, owner)
        runs = {run[0]: NodeRun(*run) for run in self._node_runs.rows(cursor, {"its_id": job})}
        return Job(**row, nodes=in_order(row["graph"]["nodes"], runs))

    def summary(self, job: str, owner: str | None = None) -> JobSummary:
        """How the job stands, without its nodes. Raises `NotFoundError` as `get` does."""
        with self.engine.connect() as connection, driver_cursor(connection) as cursor:
            return JobSummary(**self._row(cursor, self._job, job, owner))

    def _row(self, cursor: DBAPICursor, asked: Prepared, job: str, owner: str | None) -> dict[str, Any]:
        for found in asked.rows(cursor, {"its_id": job}):
            row = dict(zip(asked.columns, found, strict=True))
            if owner is None or row["owner"] == owner:
                return row
        raise self.unknown(job)

    @staticmethod
    def unknown(job: str) -> NotFoundError:
        """The error for a job that is not stored."""
        return NotFoundError(f"there is no job {job!r}", hint="list them with: spinbot jobs")

    def recent(self, limit: int = 20, states: Collection[str] = ()) -> list[JobSummary]:
        """The newest jobs first; of `states` only, where given."""
        return self.page(states=states, limit=limit)[0]

    def page(
        self,
        owner: str | None = None,
        states: Collection[str] = (),
        text: str = "",
        limit: int = 20,
        cursor: str | None = None,
        names: Collection[str] = (),
        review: Review | None = None,
    ) -> tuple[list[JobSummary], str | None, int]:
        """Up to `limit` jobs, the newest first, the cursor of the next page, and how many there are in all.

        `text` is a part of the name or the title. Raises `InputError` for a cursor that no page gave.
        """
        wanted = listing.Wanted(owner, states, text, names, review)
        with self.engine.connect() as connection:
            rows, following, total = listing.page(connection, wanted, limit, cursor)
        return [JobSummary(**row._mapping) for row in rows], following, total

    def events(self, job: str, after: int = 0) -> list[Event]:
        """The events of a job with a sequence number above `after`, in order."""
        with self.engine.connect() as connection, driver_cursor(connection) as cursor:
            return [Event(*row) for row in self._events.rows(cursor, {"its_id": job, "seen": after})]

    def latest(self, jobs: Collection[str]) -> dict[str, int]:
        """The number of the last event of each of the jobs."""
        query = select(db.jobs.c.id, db.jobs.c.events).where(db.jobs.c.id.in_(jobs))
        with self.engine.connect() as connection:
            return {row.id: row.events for row in connection.execute(query)}

    def owners(self, jobs: Collection[str]) -> dict[str, str]:
        """Whose each of the jobs is."""
        query = select(db.jobs.c.id, db.jobs.c.owner).where(db.jobs.c.id.in_(jobs))
        with self.engine.connect() as connection:
            return {row.id: row.owner for row in connection.execute(query)}

    def ask(self, job: str, wish: Wish) -> None:
        """Ask whoever runs the job to pause or cancel it. Raises `InputError` for one that has ended.

        One that nobody runs is paused or cancelled by the next runner that takes it up, before any node starts.
        """
        with self.engine.begin() as connection:
            done = connection.execute(
                update(db.jobs).where((db.jobs.c.id == job) & db.jobs.c.state.not_in(ENDED)).values(wish=wish)
            )
        if done.rowcount == 0:
            raise InputError(
                f"job {job} has ended: it is {self.summary(job).state}",
                hint=f"see how it went: spinbot jobs show {job}",
                code="job_ended",
            )

    def reopen(self, job: str) -> None:
        """Queue a paused, failed or cancelled job again: its finished nodes stay, the others are tried anew.

        Raises `InputError` for one that succeeded; does nothing for one that is queued or running.
        """
        with self.engine.begin() as connection:
            state = connection.execute(select(db.jobs.c.state).where(db.jobs.c.id == job)).scalar()
            if state == "succeeded":
                raise InputError(
                    f"job {job} has succeeded", hint="generate again with another seed, or --edit it", code="job_ended"
                )
            if state not in ("paused", "failed", "cancelled"):
                if state is None:
                    raise self.unknown(job)
                connection.execute(update(db.jobs).where(db.jobs.c.id == job).values(wish=None))
                return
            seq = connection.execute(
                update(db.jobs)
                .where((db.jobs.c.id == job) & (db.jobs.c.state == state))
                .values(state="queued", wish=None, error=None, finished=None, events=db.jobs.c.events + 1)
                .returning(db.jobs.c.events)
            ).scalar()
            if seq is None:  # somebody else has just done the same
                return
            state_again = case((db.node_runs.c.expansion.is_not(None), "expanded"), else_="pending")
            fresh = {"state": state_again, "error": None, "started": None, "finished": None}
            unfinished = (db.node_runs.c.job == job) & db.node_runs.c.state.not_in(DONE)
            connection.execute(update(db.node_runs).where(unfinished).values(**fresh))
            now = time.time()
            untold = {"attempts": 0, "next_at": now, "delivered": None, "error": None}  # it will end once more
            connection.execute(update(db.webhooks).where(db.webhooks.c.job == job).values(**untold))
            again = Event(job, seq, now, "job.queued", None, {"again": True, "was": state})
            connection.execute(insert(db.events).values(**vars(again)))

    def prioritise(self, job: str, priority: int) -> None:
        """Change the priority of a job that has not ended; of one that runs, for the nodes that have not begun.

        Raises `InputError` for one that has ended, `NotFoundError`.
        """
        with self.engine.begin() as connection:
            changed = connection.execute(
                update(db.jobs).where((db.jobs.c.id == job) & db.jobs.c.state.not_in(ENDED)).values(priority=priority)
            )
        if changed.rowcount == 0:
            raise InputError(f"job {job} has ended: it is {self.summary(job).state}", code="job_ended")

    def ended_before(self, when: float) -> list[str]:
        """Jobs that ended before `when`, in seconds since the epoch; the oldest first."""
        ended = db.jobs.c.state.in_(ENDED) & (db.jobs.c.finished < when)
        query = select(db.jobs.c.id).where(ended).order_by(db.jobs.c.finished)
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def open_of(self, owner: str) -> int:
        """How many jobs of an owner have not ended."""
        with self.engine.connect() as connection, driver_cursor(connection) as cursor:
            ((found,),) = self._open_of.rows(cursor, {"its_owner": owner})
        return int(found)

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        query = select(db.jobs.c.state, func.count().label("jobs")).group_by(db.jobs.c.state)
        with self.engine.connect() as connection:
            return {row.state: row.jobs for row in connection.execute(query)}

    def delete(self, job: str) -> None:
        """Forget an ended job with its nodes and events. Raises `InputError` for one that may still run."""
        found = self.summary(job)
        if found.state not in ENDED:
            raise InputError(
                f"job {job} is {found.state}", hint=f"first: spinbot jobs cancel {job}", code="job_running"
            )
        with self.engine.begin() as connection:  # all that points at the row goes with it
            connection.execute(delete(db.jobs).where((db.jobs.c.id == job) & db.jobs.c.state.in_(ENDED)))

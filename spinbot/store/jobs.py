"""Jobs, the runs of their nodes and their events. Each change and its event are one transaction.

States of a job: `queued -> running -> succeeded | failed | cancelled`. States of a node: `pending, running,
cached, succeeded, failed, skipped, cancelled`. A job's events are numbered 1, 2, 3, ... without a gap, so a reader
who saw number n asks for what came after n and misses nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, insert, select, update

from spinbot.errors import NotFoundError
from spinbot.store import database as db

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
NodeState = Literal["pending", "running", "cached", "succeeded", "failed", "skipped", "cancelled"]

DONE: frozenset[str] = frozenset({"cached", "succeeded"})
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class Event:
    """One persisted fact about a job. `kind` is `job.<state>`, `node.<state or progress>`, `model.*` or `log`."""

    job: str
    seq: int
    time: float
    kind: str
    node: str | None
    data: dict[str, Any]


@dataclass(frozen=True)
class NodeRun:
    """Where one node of a job stands. Times are seconds since the epoch."""

    node: str
    state: NodeState
    attempt: int
    key: str | None
    outputs: dict[str, Any] | None
    engines: dict[str, Any] | None
    error: dict[str, Any] | None
    started: float | None
    finished: float | None


@dataclass(frozen=True)
class Job:
    """One run of a graph."""

    id: str
    name: str
    graph: dict[str, Any]
    state: JobState
    error: dict[str, Any] | None
    outputs: dict[str, Any] | None
    events: int
    created: float
    started: float | None
    finished: float | None
    nodes: dict[str, NodeRun] = field(default_factory=dict)


Listener = Callable[[Event], None]


class JobStore:
    """Reads and writes jobs. Listeners hear of an event only after it is committed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event from now on; the function returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def create(self, name: str, graph: dict[str, Any]) -> str:
        """Store a job and its nodes as `queued` and return its id: from here on it is not lost."""
        job = uuid.uuid4().hex[:12]
        with self._engine.begin() as connection:
            connection.execute(
                insert(db.jobs).values(id=job, name=name, graph=graph, state="queued", events=0, created=time.time())
            )
            nodes = [{"job": job, "node": node, "state": "pending", "attempt": 0} for node in graph["nodes"]]
            connection.execute(insert(db.node_runs), nodes)
            queued = self._append(connection, job, "job.queued", None, {"name": name, "nodes": list(graph["nodes"])})
        self._announce(queued)
        return job

    def set_job(self, job: str, state: JobState, **changes: Any) -> Event:
        """Move a job to `state`, together with `error` or `outputs` where given."""
        now = time.time()
        stamp = {"started": now} if state == "running" else {"finished": now}
        with self._engine.begin() as connection:
            connection.execute(update(db.jobs).where(db.jobs.c.id == job).values(state=state, **stamp, **changes))
            event = self._append(connection, job, f"job.{state}", None, changes)
        self._announce(event)
        return event

    def set_node(self, job: str, node: str, state: NodeState, **changes: Any) -> Event:
        """Move a node to `state`, with `attempt`, `key`, `outputs`, `engines` or `error` where given."""
        now = time.time()
        stamp: dict[str, Any] = {"started": now, "finished": None} if state == "running" else {"finished": now}
        if state == "cached":
            stamp["started"] = now
        with self._engine.begin() as connection:
            where = (db.node_runs.c.job == job) & (db.node_runs.c.node == node)
            connection.execute(update(db.node_runs).where(where).values(state=state, **stamp, **changes))
            if state == "succeeded" and changes.get("key"):
                self._remember(connection, changes["key"], changes["outputs"], now)
            event = self._append(connection, job, f"node.{state}", node, changes)
        self._announce(event)
        return event

    def log(self, job: str, kind: str, node: str | None, data: dict[str, Any]) -> Event:
        """Append an event that changes no state: progress, model loads, log lines."""
        with self._engine.begin() as connection:
            event = self._append(connection, job, kind, node, data)
        self._announce(event)
        return event

    def get(self, job: str) -> Job:
        """The job with its nodes in the graph's order. Raises `NotFoundError`."""
        with self._engine.connect() as connection:
            row = connection.execute(select(db.jobs).where(db.jobs.c.id == job)).first()
            if row is None:
                raise NotFoundError(f"there is no job {job!r}", hint="list them with: spinbot jobs")
            runs = connection.execute(select(db.node_runs).where(db.node_runs.c.job == job)).all()
        by_name = {run.node: _node_run(run) for run in runs}
        return _job(row, {name: by_name[name] for name in row.graph["nodes"]})

    def recent(self, limit: int = 20, states: Iterable[str] = ()) -> list[Job]:
        """The newest jobs first, without their nodes; of `states` only, where given."""
        query = select(db.jobs).order_by(db.jobs.c.created.desc()).limit(limit)
        if wanted := list(states):
            query = query.where(db.jobs.c.state.in_(wanted))
        with self._engine.connect() as connection:
            return [_job(row, {}) for row in connection.execute(query)]

    def events(self, job: str, after: int = 0) -> list[Event]:
        """The events of a job with a sequence number above `after`, in order."""
        query = select(db.events).where((db.events.c.job == job) & (db.events.c.seq > after)).order_by(db.events.c.seq)
        with self._engine.connect() as connection:
            return [Event(**row._mapping) for row in connection.execute(query)]

    def result(self, key: str) -> dict[str, Any] | None:
        """What a node with this cache key answered before, or None."""
        with self._engine.connect() as connection:
            return connection.execute(select(db.results.c.outputs).where(db.results.c.key == key)).scalar()

    def _remember(self, connection: Connection, key: str, outputs: dict[str, Any], now: float) -> None:
        changed = connection.execute(
            update(db.results).where(db.results.c.key == key).values(outputs=outputs, created=now)
        )
        if changed.rowcount == 0:
            connection.execute(insert(db.results).values(key=key, outputs=outputs, created=now))

    def _append(self, connection: Connection, job: str, kind: str, node: str | None, data: dict[str, Any]) -> Event:
        # The counter lives in the job's row, so that two writers queue on its lock and no number is given twice.
        seq = connection.execute(
            update(db.jobs).where(db.jobs.c.id == job).values(events=db.jobs.c.events + 1).returning(db.jobs.c.events)
        ).scalar_one()
        event = Event(job, seq, time.time(), kind, node, data)
        connection.execute(insert(db.events).values(**vars(event)))
        return event

    def _announce(self, event: Event) -> None:
        for listener in list(self._listeners):
            listener(event)


def _node_run(row: Row[Any]) -> NodeRun:
    return NodeRun(**{name: value for name, value in row._mapping.items() if name != "job"})


def _job(row: Row[Any], nodes: dict[str, NodeRun]) -> Job:
    return Job(**row._mapping, nodes=nodes)

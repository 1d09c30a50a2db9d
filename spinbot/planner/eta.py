"""How long a job still takes: the preview of what is left of it, by the predictions of any preview.

Only what is stored is looked at; no key is computed, and nobody is asked what is in memory, so loading is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from spinbot.config import Settings
from spinbot.errors import InputError, SpinbotError
from spinbot.graphs.graph import Expansion, Graph, NodeSpec
from spinbot.graphs.node import NODES, Node
from spinbot.planner.foresee import Foreseen, Foresight
from spinbot.planner.past import Past
from spinbot.planner.preview import WORKING
from spinbot.planner.schedule import Task, elapsed
from spinbot.store import database as db
from spinbot.store.jobs import ENDED, Job
from spinbot.store.node_runs import DONE, NodeRun

MOST_NODES = 1000
"""Of a larger job nothing is said: for this many it takes 70 ms, and jobs are asked for often."""
NEWEST = 500
"""Events among which it is looked for how far a running node is: those of a longer time ago say little."""


@dataclass(frozen=True)
class Eta:
    """All in seconds. `left` until the job has succeeded; None where something of it cannot be predicted."""

    left: float | None = None
    nodes: Mapping[str, float] = field(default_factory=dict)
    """What each node that is not done takes from its start to its end."""


@dataclass(frozen=True)
class _Progress:
    """What a running node has said last."""

    time: float
    fraction: float
    eta_s: float | None


class _Rest(Foresight):
    """Walks a job: what is done is known, what has expanded is as it was stored, and the rest as in any preview."""

    def __init__(self, job: Job, *, settings: Settings, artifacts: Container[str]) -> None:
        """Raises `InputError` for a node type that is no longer there."""
        self._runs = job.nodes
        graph = Graph.model_validate(job.graph)
        super().__init__(
            graph, settings=settings, artifacts=artifacts, weights=lambda slot, engine: "", find=lambda keys: {}
        )

    def _level(self, specs: Mapping[str, NodeSpec], outer: set[str], *, guessed: bool) -> None:
        for name, spec in specs.items():
            if spec.type not in NODES:
                raise InputError(f"there is no node type {spec.type!r}", code="unknown_type")
            seen = self._see(name, spec, outer, guessed=guessed)
            run = self._runs.get(name)
            if run is not None and run.state in DONE:
                seen.state, seen.outputs = "cached", run.outputs
            elif run is not None and run.expansion is not None:
                stored = Expansion.model_validate(run.expansion)
                inner = {f"{name}/{part}": of for part, of in stored.nodes.items()}
                self._unfold(seen, inner, stored.outputs, guessed=False)
            elif NODES[spec.type].foretold is not Node.foretold:
                self._foretell(seen, None if guessed else self._describe(seen))


def eta(job: Job, engine: Engine, *, settings: Settings, artifacts: Container[str], past: Past) -> Eta:
    """What is left of a job; of one that has ended nothing is said. Raises `StorageError`."""
    if job.state in ENDED or len(job.nodes) > MOST_NODES:
        return Eta()
    try:
        seen = _Rest(job, settings=settings, artifacts=artifacts).nodes
    except SpinbotError:  # as the installation is now it cannot be run: its runner will say so, with the reason
        return Eta()
    expected = {name: seconds for name, node in seen.items() if (seconds := _expected(node, past)) is not None}
    progress = _progress(engine, job)
    left = {
        name: _left(job.nodes.get(name), expected.get(name), progress.get(name)) if node.state in WORKING else 0.0
        for name, node in seen.items()
    }
    stored = {name: seconds for name, seconds in expected.items() if name in job.nodes}
    if any(seconds is None for seconds in left.values()):
        return Eta(nodes=stored)
    tasks = {
        name: Task(left[name] or 0.0, node.group if node.state in WORKING else None, frozenset(node.needs))
        for name, node in sorted(seen.items(), key=lambda item: not _runs(job.nodes.get(item[0])))  # they have a host
    }
    processes = {name: group.processes for name, group in settings.hosts.items()}
    return Eta(round(elapsed(tasks, processes, {}), 2), stored)


def _expected(seen: Foreseen, past: Past) -> float | None:
    if seen.state not in WORKING:
        return None
    engines = [f"{slot}/{engine}" for slot, engine in seen.engines.items()]
    seconds = past.costs.predict(seen.spec.type, engines, seen.size).seconds
    return None if seconds is None else round(seconds, 3)


def _left(run: NodeRun | None, expected: float | None, said: _Progress | None) -> float | None:
    """Seconds that a node still computes: by how far it says it is, else by how long it has run."""
    if run is None or not _runs(run) or run.started is None:
        return expected
    if said is None or said.time < run.started:
        return None if expected is None else max(0.0, expected - (time.time() - run.started))
    then = said.eta_s if expected is None else expected * (1 - said.fraction)
    return None if then is None else max(0.0, then - (time.time() - said.time))


def _runs(run: NodeRun | None) -> bool:
    return run is not None and run.state == "running"


def _progress(engine: Engine, job: Job) -> dict[str, _Progress]:
    """What each running node of a job has said last."""
    running = [name for name, run in job.nodes.items() if _runs(run)]
    events = db.events.c
    query = select(events.node, events.time, events.data).where(
        (events.job == job.id)
        & (events.seq > job.events - NEWEST)
        & (events.kind == "node.progress")
        & events.node.in_(running)
    )
    if not running:
        return {}
    with engine.connect() as connection:
        found = connection.execute(query.order_by(events.seq)).all()
    return {row.node: _said(row.time, row.data) for row in found}


def _said(when: float, data: dict[str, Any]) -> _Progress:
    return _Progress(when, data["fraction"], data["eta_s"])

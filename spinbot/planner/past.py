"""What the job store remembers: how long nodes computed, how long engines loaded, and stored results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import Connection, Engine, select

from spinbot.graphs.graph import Expansion, Graph, Link, NodeSpec
from spinbot.graphs.node import NODES, Node
from spinbot.planner.costs import Costs, Run
from spinbot.planner.size import size_of_node, size_of_value
from spinbot.store import database as db

NEWEST = 50
"""Jobs that are looked at: enough for a median, and what was measured before an upgrade is soon forgotten."""
AT_ONCE = 500
"""Keys in one question to the database; SQLite takes 32,766 at most, and plans long lists slowly."""


@dataclass(frozen=True)
class Past:
    """What predictions are made from."""

    costs: Costs = field(default_factory=Costs)
    loads: Mapping[str, float] = field(default_factory=dict)
    """Seconds that engines took to load, by `slot/engine`; the median."""


def read_past(engine: Engine, newest: int = NEWEST) -> Past:
    """Learn from the newest jobs of a job store. Raises `StorageError`."""
    runs: list[Run] = []
    loads: dict[str, list[float]] = defaultdict(list)
    jobs = select(db.jobs.c.id).order_by(db.jobs.c.created.desc()).limit(newest)
    with engine.connect() as connection:
        for job in connection.execute(jobs).scalars().all():
            times = _read_times(connection, job, loads)
            if times:
                runs += _runs(connection, job, times)
    return Past(Costs(runs), {name: median(seconds) for name, seconds in loads.items()})


def stored_results(engine: Engine, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What nodes with these cache keys answered before, by key. Raises `StorageError`."""
    found: dict[str, dict[str, Any]] = {}
    with engine.connect() as connection:
        for start in range(0, len(keys), AT_ONCE):
            asked = db.results.c.key.in_(keys[start : start + AT_ONCE])
            rows = connection.execute(select(db.results.c.key, db.results.c.outputs).where(asked))
            found |= {row.key: row.outputs for row in rows}
    return found


def _read_times(connection: Connection, job: str, loads: dict[str, list[float]]) -> dict[str, float]:
    """Seconds that each node of a job computed where it succeeded; adds what engines took to load."""
    events = db.events.c
    kinds = ("node.succeeded", "model.loaded")
    query = select(events.kind, events.node, events.data).where((events.job == job) & events.kind.in_(kinds))
    times: dict[str, float] = {}
    for kind, node, data in connection.execute(query):
        if kind == "model.loaded":
            loads[f"{data['slot']}/{data['engine']}"].append(data["seconds"])
        elif called := data.get("times"):  # a node that others stood in for has none
            waited = sum(span["end"] - span["start"] for span in called["spans"])
            times[node] = max(0.0, called["ended"] - called["begun"] - waited)
    return times


def _runs(connection: Connection, job: str, times: Mapping[str, float]) -> Iterator[Run]:
    rows = {row.node: row for row in connection.execute(select(db.node_runs).where(db.node_runs.c.job == job))}
    graph = connection.execute(select(db.graphs.c.document).where(db.graphs.c.job == job)).scalar_one()

    def size_at(link: Link) -> float | None:
        outputs = rows[link.node].outputs or {}
        return size_of_value(outputs.get(link.output, {}))

    for name, spec in _specs(Graph.model_validate(graph).nodes, rows):
        kind, row = NODES.get(spec.type), rows[name]
        if kind is None:  # of a plugin that is no longer there
            continue
        seconds = times.get(name)
        if row.state == "succeeded" and row.expansion and kind.foretold is Node.foretold:
            seconds = row.finished - row.started  # a preview cannot look into it: it counts with all its parts
        if seconds is not None:
            yield Run(spec.type, frozenset(row.engines or ()), size_of_node(spec, size_at), seconds)


def _specs(nodes: Mapping[str, NodeSpec], rows: Mapping[str, Any]) -> Iterator[tuple[str, NodeSpec]]:
    """Every node of a job under its full name, those in expansions too; stored links bear full names."""
    for name, spec in nodes.items():
        yield name, spec
        if expansion := rows[name].expansion:
            inner = Expansion.model_validate(expansion).nodes
            yield from _specs({f"{name}/{part}": of for part, of in inner.items()}, rows)

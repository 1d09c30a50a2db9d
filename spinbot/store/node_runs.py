"""The run of one node of a job, as its row says it, and the order in which a job's are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

NodeState = Literal["pending", "running", "expanded", "cached", "succeeded", "failed", "skipped", "cancelled"]

DONE: frozenset[str] = frozenset({"cached", "succeeded"})


@dataclass(slots=True)
class NodeRun:
    """Where one node of a job stands. Times are seconds since the epoch."""

    node: str
    state: NodeState = "pending"
    attempt: int = 0
    key: str | None = None
    outputs: dict[str, Any] | None = None
    engines: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    expansion: dict[str, Any] | None = None
    started: float | None = None
    finished: float | None = None


def in_order(names: Iterable[str], runs: Mapping[str, NodeRun]) -> dict[str, NodeRun]:
    """The runs of a graph's nodes, given in its order, with those of an expansion behind the node that expanded."""
    ordered: dict[str, NodeRun] = {}
    todo = list(names)[::-1]
    while todo:
        name = todo.pop()
        run = ordered[name] = runs[name]
        if run.expansion:
            todo += [f"{name}/{inner}" for inner in reversed(run.expansion["nodes"])]
    return ordered

"""The preview of a graph: what is in the cache, how long the rest takes, and whether hosts and cluster can hold it.

Nothing is run and nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Container, Sequence, Set

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine

from spinbot.config import Settings
from spinbot.engines.registry import engine_class
from spinbot.graphs.graph import Graph
from spinbot.graphs.node import NODES
from spinbot.graphs.runner import Weights
from spinbot.models.catalogue import Catalogue
from spinbot.planner.foresee import Foreseen, Foresight, State
from spinbot.planner.hardware import GroupNeed, Machine, Use, group_needs, lacking
from spinbot.planner.past import Past, stored_results
from spinbot.planner.schedule import Task, elapsed, longest_chain

WORKING = ("run", "unknown")


class NodePreview(BaseModel):
    """What will happen to one node."""

    model_config = ConfigDict(frozen=True)
    node: str
    type: str
    state: State = Field(
        description="cached: a stored result is taken; run: none is there; unknown: its inputs are not known yet, so "
        "it counts as one that runs; expanded: its parts stand below"
    )
    guessed: bool = Field(description="A part whose number and length are only expected")
    engines: dict[str, str] = Field(description="Engine by slot")
    group: str = Field(description="The host group that runs it")
    key: str | None = Field(description="Its cache key, where it can be computed")
    seconds: float | None = Field(description="Predicted computing; 0 for cached, none where nothing is known")
    learned_from: int = Field(description="Past runs behind the prediction; 0: a default of spinbot's, or none")


class Preview(BaseModel):
    """What a graph will cost. All times in seconds, all sizes in bytes."""

    model_config = ConfigDict(frozen=True)
    name: str
    nodes: list[NodePreview]
    computing_s: float = Field(description="Sum over all nodes")
    chain_s: float = Field(description="The longest chain of nodes: with any number of hosts it is not over sooner")
    loading_s: float = Field(description="Sum over the engines that are not in memory and have been loaded before")
    elapsed_s: float = Field(description="Until the end, on the host groups as they are set up, loading included")
    not_predicted: list[str] = Field(description="Nodes of whose time nothing is known; they count as 0")
    groups: dict[str, GroupNeed]
    fits: bool = Field(description="Whether the host groups, and the cluster where one was given, can ever run it")
    missing: list[str] = Field(description="What they lack")


def preview(
    graph: Graph,
    *,
    settings: Settings,
    jobs: Engine,
    artifacts: Container[str],
    weights: Weights,
    catalogue: Catalogue,
    past: Past,
    resident: Set[str] = frozenset(),
    cluster: Sequence[Machine] | None = None,
) -> Preview:
    """Preview a graph that passed the checks.

    `jobs` is the job store's database, `past` what `read_past` learned from it. `resident` names the engines that are
    in memory, as `slot/engine`. `cluster` has the resources of each machine; without it the host groups alone count.
    Raises `StorageError`.
    """
    seen = Foresight(
        graph,
        settings=settings,
        artifacts=artifacts,
        weights=weights,
        find=lambda keys: stored_results(jobs, keys),
    ).nodes
    nodes = {name: _preview(node, past) for name, node in seen.items()}
    used = [use for node in seen.values() if node.state in WORKING for use in _uses(node)]
    groups = group_needs(used, settings.hosts, _memory(used, catalogue))
    missing = [line for need in groups.values() for line in need.missing]
    if cluster is not None:
        missing += [line for lines in lacking(groups, settings.hosts, cluster).values() for line in lines]
    tasks = {
        name: Task(nodes[name].seconds or 0.0, node.group if node.state in WORKING else None, frozenset(node.needs))
        for name, node in seen.items()
    }
    loads = {
        group: sum(past.loads.get(engine, 0.0) for engine in need.engines if engine not in resident)
        for group, need in groups.items()
    }
    return Preview(
        name=graph.name,
        nodes=list(nodes.values()),
        computing_s=sum(task.seconds for task in tasks.values()),
        chain_s=longest_chain(tasks),
        loading_s=sum(loads.values()),
        elapsed_s=elapsed(tasks, {name: group.processes for name, group in settings.hosts.items()}, loads),
        not_predicted=[name for name, node in nodes.items() if node.seconds is None],
        groups=groups,
        fits=not missing,
        missing=missing,
    )


def _preview(seen: Foreseen, past: Past) -> NodePreview:
    seconds: float | None = 0.0
    runs = 0
    if seen.state in WORKING:
        engines = [f"{slot}/{engine}" for slot, engine in seen.engines.items()]
        prediction = past.costs.predict(seen.spec.type, engines, seen.size)
        seconds, runs = prediction.seconds, prediction.runs
    return NodePreview(
        node=seen.name,
        type=seen.spec.type,
        state=seen.state,
        guessed=seen.guessed,
        engines=seen.engines,
        group=seen.group,
        key=seen.key,
        seconds=seconds,
        learned_from=runs,
    )


def _uses(seen: Foreseen) -> list[Use]:
    """Engines that a node leases together, each with its slot; those of its parts one by one."""
    kind = NODES[seen.spec.type]
    return [(kind.slots, seen.engines), *(((slot,), seen.engines) for slot in kind.inner_slots)]


def _memory(used: Sequence[Use], catalogue: Catalogue) -> dict[str, int]:
    """Bytes of each engine by `slot/engine`, as the catalogue says."""
    found: dict[str, int] = {}
    for slots, engines in used:
        for slot in slots:
            if (name := f"{slot}/{engines[slot]}") not in found:
                requires = engine_class(slot, engines[slot]).requires
                found[name] = sum(catalogue[model].memory_mb << 20 for model in requires)
    return found

"""What will happen to each node of a graph, found out without running any: taken from the cache, run, or not known yet.

A node's cache key can be computed when all its inputs are known, that is, when what gives them is in the cache. Where
an input is not known, the key is not either; such a node counts as one that will run, although it may turn out to be
in the cache. Some types can tell from their fields alone what they will answer (`Node.foretold`): then their outputs
count as known, and the nodes that will take their place are looked into, exactly where the inputs are known, else with
stand-ins of the expected size.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Literal

from pydantic import ValidationError

from spinbot.actors.pool import group_for
from spinbot.config import Settings
from spinbot.errors import NodeError, SpinbotError
from spinbot.graphs.check import check_expansion
from spinbot.graphs.execute import engines_of, node_key
from spinbot.graphs.graph import Expansion, Graph, Link, NodeSpec
from spinbot.graphs.node import NODES, Node, Ports, inputs_of
from spinbot.graphs.runner import Weights
from spinbot.planner.costs import TYPICAL_S
from spinbot.planner.guess import guess
from spinbot.planner.size import size_of_node, size_of_value
from spinbot.store.artifacts import artifact_ids

State = Literal["cached", "run", "unknown", "expanded"]
Find = Callable[[Sequence[str]], Mapping[str, dict[str, Any]]]
"""Stored results of cache keys."""


@dataclass(eq=False, slots=True)
class Foreseen:
    """One node. `needs` are the nodes that end before it: before its first part, its parts' before itself."""

    name: str
    spec: NodeSpec
    engines: dict[str, str]
    group: str
    needs: set[str]
    size: float | None
    guessed: bool
    state: State = "unknown"
    key: str | None = None
    outputs: dict[str, Any] | None = None


class Foresight:
    """Walks a checked graph once. Afterwards `nodes` holds every node, those of expansions too."""

    def __init__(
        self, graph: Graph, *, settings: Settings, artifacts: Container[str], weights: Weights, find: Find
    ) -> None:
        """Raises `StorageError`; `GraphError` where an expansion does not fit."""
        self.nodes: dict[str, Foreseen] = {}
        self._graph = graph.model_copy(update={"nodes": dict(graph.nodes)})
        self._settings = settings
        self._artifacts = artifacts
        self._weights = weights
        self._find = find
        self._walk(graph.nodes, set(), guessed=False)

    def _walk(self, specs: Mapping[str, NodeSpec], outer: set[str], *, guessed: bool) -> None:
        """Look at nodes, each behind those it needs; `outer` ended before any of them may begin."""
        sorter = TopologicalSorter({name: spec.needs() & specs.keys() for name, spec in specs.items()})
        sorter.prepare()
        while sorter.is_active():
            names = sorter.get_ready()
            self._level({name: specs[name] for name in names}, outer, guessed=guessed)
            sorter.done(*names)

    def _level(self, specs: Mapping[str, NodeSpec], outer: set[str], *, guessed: bool) -> None:
        described: dict[str, Node | None] = {}
        for name, spec in specs.items():
            seen = self._see(name, spec, outer, guessed=guessed)
            engines = seen.engines
            node = described[name] = None if guessed else self._describe(seen)
            if node is not None:
                seen.state = "run"
                if spec.cache != "off":
                    weights = {f"{slot}/{e}": self._weights(slot, e) for slot, e in engines.items()}
                    seen.key = node_key(node, weights)
        asked = [seen.key for name in specs if (seen := self.nodes[name]).key and seen.spec.cache == "use"]
        found = self._find([key for key in asked if key]) if asked else {}
        for name, node in described.items():
            self._settle(self.nodes[name], node, found)

    def _see(self, name: str, spec: NodeSpec, outer: set[str], *, guessed: bool) -> Foreseen:
        """The node as far as its type, its parameters and what is known of its inputs tell."""
        group = group_for(NODES[spec.type].slots, self._settings.hosts)
        size = size_of_node(spec, self._size)
        seen = Foreseen(name, spec, engines_of(spec, self._settings), group, spec.needs() | outer, size, guessed)
        self.nodes[name] = seen
        return seen

    def _settle(self, seen: Foreseen, node: Node | None, found: Mapping[str, dict[str, Any]]) -> None:
        outputs = found.get(seen.key or "") if seen.spec.cache == "use" else None
        if outputs is not None and all(artifact in self._artifacts for artifact in artifact_ids(outputs)):
            seen.state, seen.outputs = "cached", outputs
        else:
            self._foretell(seen, node)

    def _foretell(self, seen: Foreseen, node: Node | None) -> None:
        """Take what the node will answer for known, where its type can tell; `node` is it with its inputs, if known."""
        stand_in = node or self._guessed(seen)
        answer = _foretold(stand_in) if stand_in is not None else None
        if isinstance(answer, Expansion):
            self._look_into(seen, answer, guessed=node is None)
        elif answer is not None and node is not None:
            seen.outputs = answer.model_dump(mode="json")

    def _look_into(self, seen: Foreseen, expansion: Expansion, *, guessed: bool) -> None:
        inner = check_expansion(seen.name, expansion, self._graph, artifacts=self._artifacts, settings=self._settings)
        self._graph.nodes.update(inner)
        placed = {
            port: Link(node=f"{seen.name}/{link.node}", output=link.output) for port, link in expansion.outputs.items()
        }
        self._unfold(seen, inner, placed, guessed=guessed)

    def _unfold(
        self, seen: Foreseen, inner: Mapping[str, NodeSpec], outputs: Mapping[str, Link], *, guessed: bool
    ) -> None:
        """Walk the nodes that take the place of one; all names are full ones."""
        self._walk(inner, seen.needs, guessed=guessed)
        sources = {port: link.node for port, link in outputs.items()}
        seen.state, seen.needs = "expanded", set(sources.values())
        if all(self.nodes[source].outputs is not None for source in sources.values()):
            parts = {port: self.nodes[source].outputs or {} for port, source in sources.items()}
            seen.outputs = {port: parts[port][link.output] for port, link in outputs.items()}

    def _describe(self, seen: Foreseen) -> Node | None:
        """The node with its inputs; None where one is not known. Raises `NodeError` where one does not fit."""
        fields = self._fields(seen.spec, self._value)
        if fields is None:
            return None
        try:
            return NODES[seen.spec.type].model_validate(fields)
        except ValidationError as error:
            message = f"{seen.name} would get a value that it does not take: {error}"
            raise NodeError(message, code="internal") from error

    def _guessed(self, seen: Foreseen) -> Node | None:
        """The node with stand-ins for what is not known, where it can be looked into; else None."""
        kind = NODES[seen.spec.type]
        if kind.foretold is Node.foretold:
            return None
        inputs = inputs_of(kind)

        def value(port: str, link: Link) -> Any:
            known = self._value(port, link)
            return guess(inputs[port], self._size(link) or TYPICAL_S) if known is None else known

        fields = self._fields(seen.spec, value)
        try:
            return None if fields is None else kind.model_validate(fields)
        except ValidationError:  # the type asks more of its inputs than a stand-in has
            return None

    def _fields(self, spec: NodeSpec, value: Callable[[str, Link], Any]) -> dict[str, Any] | None:
        """Parameters and inputs of a node; None where `value` has none for a link."""
        fields = dict(spec.params)
        for port, linked in spec.inputs.items():
            given = [value(port, link) for link in (linked if isinstance(linked, list) else [linked])]
            if any(one is None for one in given):
                return None
            fields[port] = given if isinstance(linked, list) else given[0]
        return fields

    def _value(self, _port: str, link: Link) -> Any:
        """The value at the end of a link in JSON; None where it is not known."""
        outputs = self.nodes[link.node].outputs
        return None if outputs is None else outputs[link.output]

    def _size(self, link: Link) -> float | None:
        value = self._value("", link)
        return self.nodes[link.node].size if value is None else size_of_value(value)


def _foretold(node: Node) -> Ports | Expansion | None:
    try:
        return node.foretold()
    except SpinbotError:  # the node will fail with this when it runs; the preview says what it would have cost
        return None

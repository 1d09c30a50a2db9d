"""The plan of one job: which nodes there are, which may run now, and what follows when one ends. No I/O.

Every step costs the number of links it touches, so a job of n nodes costs O(n).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spinbot.graphs.execute import Pending
from spinbot.graphs.graph import Expansion, Graph, Link, NodeSpec
from spinbot.graphs.node import NODES, Node, outputs_of
from spinbot.graphs.parts import made
from spinbot.graphs.stop import Stop
from spinbot.store.ledger import Turn
from spinbot.store.node_runs import DONE, NodeRun, in_order


@dataclass(eq=False, slots=True)
class Step:
    """A node of the plan: what it is, where it stands, and who waits for it."""

    spec: NodeSpec
    run: NodeRun
    missing: int = 0
    """How many nodes must still be done before it may run; of an expanded node: before it is done."""
    followers: list[str] = field(default_factory=list)

    @property
    def kind(self) -> type[Node]:
        """The node's class."""
        return NODES[self.spec.type]


class Plan:
    """All nodes of a job, kept in step with their rows."""

    def __init__(self, graph: Graph, runs: Mapping[str, NodeRun]) -> None:
        """A plan that goes on from stored rows: what was running when the runner died is to be run again."""
        self.graph = graph.model_copy(update={"nodes": {}})
        self.steps: dict[str, Step] = {}
        self.unfinished = 0
        self.interrupted: list[str] = []
        """Nodes that were running when the former runner died."""
        self._ready: list[str] = []
        self._place(graph.nodes, runs)

    def take_ready(self) -> list[str]:
        """The nodes that have become ready since the last call; each is given out once."""
        ready, self._ready = self._ready, []
        return ready

    def fields(self, name: str, calls: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Parameters and input values of a node whose needs are done, or run at the moment in one of `calls`.

        `calls` maps nodes to call ids; of those, `Pending` stands for the value.
        """
        spec = self.steps[name].spec
        fields = dict(spec.params)

        def value(link: Link) -> Any:
            if calls and link.node in calls:
                return Pending(calls[link.node], link.output)
            return self._value(link)

        for port, linked in spec.inputs.items():
            fields[port] = [value(x) for x in linked] if isinstance(linked, list) else value(linked)
        return fields

    def done(self, name: str, outputs: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Record a node's outputs. Yields each expanded node that this completes, with its outputs, for recording."""
        self.steps[name].run.outputs = outputs
        self.unfinished -= 1
        for follower in self.steps[name].followers:
            step = self.steps[follower]
            step.missing -= 1
            if step.missing == 0:
                if step.run.state == "expanded":
                    yield follower, self.gathered(follower)
                else:
                    self._ready.append(follower)

    def expand(self, name: str, inner: Mapping[str, NodeSpec], outputs: Mapping[str, Link]) -> dict[str, NodeRun]:
        """Put `inner` (full names, checked) in the place of a node, and return the new rows."""
        step = self.steps[name]
        step.run.state = "expanded"
        step.run.expansion = Expansion(
            nodes={full.removeprefix(f"{name}/"): spec for full, spec in inner.items()},
            outputs={port: Link(node=f"{name}/{link.node}", output=link.output) for port, link in outputs.items()},
        ).model_dump(exclude_defaults=True)
        rows = {full: NodeRun(full) for full in inner}
        self._place(inner, rows)
        self._await_parts(name)
        return rows

    def gathered(self, name: str) -> dict[str, Any]:
        """The outputs of an expanded node whose parts are done."""
        return {port: self._value(link) for port, link in self._sources(self.steps[name]).items()}

    def runs(self, names: Iterable[str]) -> dict[str, NodeRun]:
        """How the nodes stand, in the order of the graph's `names`, those of expansions behind their node."""
        return in_order(names, {name: step.run for name, step in self.steps.items()})

    def outputs(self) -> dict[str, Any]:
        """The outputs of the whole graph, when every node is done."""
        return {name: self._value(link) for name, link in self.graph.outputs.items()}

    def conclude(self, turn: Turn) -> None:
        """End the job well in this turn: with its outputs, and what they add to the profile that it uses."""
        outputs = self.outputs()
        turn.end("succeeded", outputs=outputs, wish=None)
        kinds = {name: outputs_of(self.steps[link.node].kind)[link.output] for name, link in self.graph.outputs.items()}
        turn.made = made(outputs, kinds)

    def stop(self, stop: Stop, turn: Turn) -> None:
        """End the job in this turn as it was stopped, and free its lease; no node runs any more."""
        if stop.final:
            for step in self.steps.values():
                if step.run.state in ("pending", "expanded"):
                    step.run.state, step.run.finished = stop.rest, time.time()
                    turn.change(step.run, {})
        turn.end(stop.state, error=stop.error.to_dict() if stop.error else None, wish=None)
        turn.job["lease_until"] = 0.0

    def _place(self, specs: Mapping[str, NodeSpec], runs: Mapping[str, NodeRun]) -> None:
        expanded = []
        for name, spec in specs.items():
            self.graph.nodes[name] = spec
            step = self.steps[name] = Step(spec, runs[name])
            if step.run.state == "expanded":
                expanded.append(name)
            elif step.run.state not in DONE:
                if step.run.state == "running":
                    self.interrupted.append(name)
                step.run.state = "pending"
            self.unfinished += step.run.state not in DONE
        for name, spec in specs.items():
            step = self.steps[name]
            if step.run.state != "pending":
                continue
            for need in spec.needs():
                if self.steps[need].run.state not in DONE:
                    step.missing += 1
                    self.steps[need].followers.append(name)
            if step.missing == 0:
                self._ready.append(name)
        for name in expanded:
            expansion = Expansion.model_validate(self.steps[name].run.expansion)
            self._place({f"{name}/{inner}": spec for inner, spec in expansion.nodes.items()}, runs)
            self._await_parts(name)

    def _await_parts(self, name: str) -> None:
        step = self.steps[name]
        for part in {link.node for link in self._sources(step).values()}:
            if self.steps[part].run.state not in DONE:
                step.missing += 1
                self.steps[part].followers.append(name)
        if step.missing == 0:  # the runner died between the last part and this node's own end
            self._ready.append(name)

    def _sources(self, step: Step) -> dict[str, Link]:
        assert step.run.expansion is not None
        return {port: Link.model_validate(link) for port, link in step.run.expansion["outputs"].items()}

    def _value(self, link: Link) -> Any:
        outputs = self.steps[link.node].run.outputs
        assert outputs is not None
        return outputs[link.output]

"""Running one node inside a host, what it answers, and the key under which its result is remembered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spinbot.actors.call import NotReadyError
from spinbot.actors.host import CallContext
from spinbot.config import Settings
from spinbot.graphs.graph import Expansion, NodeSpec
from spinbot.graphs.node import NODES, Node


@dataclass(frozen=True)
class Expanded:
    """The node answered a subgraph."""

    expansion: Expansion


@dataclass(frozen=True)
class Pending:
    """An input value that a call sent with this one will answer."""

    call: str
    output: str


@dataclass(frozen=True)
class Unready:
    """A node whose inputs are not all there yet: `Pending` stands for them, by itself or in a list."""

    type: str
    fields: dict[str, Any]

    def node(self, results: Mapping[str, dict[str, Any]]) -> Node:
        """The node, once the others have answered. Raises `NotReadyError` where one did not answer outputs."""

        def value(field: Any) -> Any:
            if isinstance(field, list):
                return [value(item) for item in field]
            if not isinstance(field, Pending):
                return field
            outputs = results.get(field.call, {}).get("outputs")
            if outputs is None:  # it failed, was cancelled, or answered a subgraph
                raise NotReadyError
            return outputs[field.output]

        return NODES[self.type].model_validate({name: value(field) for name, field in self.fields.items()})


def run_node(context: CallContext, described: Node | Unready) -> dict[str, Any]:
    """The function of every node call: run the node and answer its outputs, or its expansion, as JSON."""
    node = described.node(context.results) if isinstance(described, Unready) else described
    answer = node.run(context)
    if isinstance(answer, Expansion):
        return {"expansion": answer.model_dump(mode="json", exclude_defaults=True)}
    return {"outputs": answer.model_dump(mode="json")}


def read_answer(result: dict[str, Any]) -> dict[str, Any] | Expanded:
    """What `run_node` answered: the outputs by port, or an expansion."""
    if "expansion" in result:
        return Expanded(Expansion.model_validate(result["expansion"]))
    outputs: dict[str, Any] = result["outputs"]
    return outputs


def engines_of(spec: NodeSpec, settings: Settings) -> dict[str, str]:
    """Which engine fills each slot that a node or its expansion uses."""
    kind = NODES[spec.type]
    return {slot: spec.engine.get(slot, settings.engines[slot]) for slot in (*kind.slots, *kind.inner_slots)}


def node_key(described: Node, weights: dict[str, str]) -> str:
    """sha256 over type, version, every field (inputs by the content hashes they name), engines and weights.

    `weights` maps `slot/engine` to the digest of the engine's weights. Seeds are fields like all others.
    """
    facts = {
        "type": described.type,
        "version": described.version,
        "fields": described.model_dump(mode="json"),
        "weights": weights,
    }
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()

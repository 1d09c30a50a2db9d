"""Running one node inside a host, and the key under which its result is remembered."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from spinbot.actors.host import CallContext
from spinbot.graphs.node import Node


def run_node(context: CallContext, described: Node) -> dict[str, Any]:
    """The function of every node call: run the node and answer its outputs as JSON."""
    return described.run(context).model_dump(mode="json")


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

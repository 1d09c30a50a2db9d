"""What a template is: a pydantic model that builds a graph."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from spinbot.graphs.node import NODES

SMALLEST, LARGEST = 64, 2048
"""Pixels of a side of a picture."""


class Template(BaseModel):
    """Base of all templates; the fields are what a user may choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    engine: dict[str, str] = Field(default={}, description="Engine by slot, where it differs from the settings")

    @abstractmethod
    def graph(self) -> dict[str, Any]:
        """The graph document."""

    def _node(
        self, kind: str, params: dict[str, Any] | None = None, inputs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        used = (*NODES[kind].slots, *NODES[kind].inner_slots)
        engine = {slot: name for slot, name in self.engine.items() if slot in used}
        parts = {"params": params, "inputs": inputs, "engine": engine}
        return {"type": kind} | {name: part for name, part in parts.items() if part}

    def _drawn(self, name: str, params: dict[str, Any], lora: str | None) -> dict[str, Any]:
        """The node `name` that draws, of somebody whose look was trained where `lora` is given."""
        if lora is None:
            return {name: self._node("draw_image", params)}
        inputs = {"look": link("look", "look")}
        return {
            "look": {"type": "load_look", "params": {"artifact": lora}},
            name: self._node("draw_image", params, inputs),
        }


def link(node: str, output: str) -> dict[str, str]:
    """Where an input comes from."""
    return {"node": node, "output": output}

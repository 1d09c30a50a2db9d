"""What a template is: a pydantic model that builds a graph."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from spinbot.graphs.graph import SCHEMA
from spinbot.graphs.node import NODES

SMALLEST, LARGEST = 64, 2048
"""Pixels of a side of a picture."""
TITLE = 200
"""Characters of a title."""


class Template(BaseModel):
    """Base of all templates; the fields are what a user may choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    engine: dict[str, str] = Field(default={}, description="Engine by slot, where it differs from the settings")

    @abstractmethod
    def graph(self) -> dict[str, Any]:
        """The graph document."""

    def document(self, nodes: dict[str, Any], outputs: dict[str, Any], title: str = "") -> dict[str, Any]:
        """The document of these nodes; of `title` what a title may have."""
        known_by = shortened(title)
        titled = {"title": known_by} if known_by else {}
        return {"schema": SCHEMA, "name": self.name, **titled, "nodes": nodes, "outputs": outputs}

    def node(
        self, kind: str, params: dict[str, Any] | None = None, inputs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """A node of the document, with the engines that were chosen for its slots."""
        used = (*NODES[kind].slots, *NODES[kind].inner_slots)
        engine = {slot: name for slot, name in self.engine.items() if slot in used}
        parts = {"params": params, "inputs": inputs, "engine": engine}
        return {"type": kind} | {name: part for name, part in parts.items() if part}

    def _drawn(self, name: str, params: dict[str, Any], look: dict[str, Any]) -> dict[str, Any]:
        """The node `name` that draws; of somebody whose look the node `look` gives, if it is among those of `look`."""
        return {**look, name: self.node("draw_image", params, {"look": link("look", "look")} if look else {})}


def shortened(text: str) -> str:
    """A text as a title: on one line, and no longer than titles are."""
    words = " ".join(text.split())
    return words if len(words) <= TITLE else words[: TITLE - 3].rstrip() + "..."


def look_of(lora: str | None) -> dict[str, Any]:
    """The node `look` of a look that was trained."""
    return {} if lora is None else {"look": {"type": "load_look", "params": {"artifact": lora}}}


def link(node: str, output: str) -> dict[str, str]:
    """Where an input comes from."""
    return {"node": node, "output": output}

"""Graph JSON, `spinbot.graph/v1`: which nodes there are and how they are linked. Says nothing about running them."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA: Final = "spinbot.graph/v1"


class Link(BaseModel):
    """Output `output` of node `node`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    node: str
    output: str


class Retry(BaseModel):
    """How often a node is tried when what stopped it may pass: a timeout, a service that did not answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    attempts: int = Field(default=3, ge=1, le=20, description="Attempts in all; a lost process does not count")
    backoff_s: float = Field(default=0.5, ge=0, le=600, description="Wait before the second; doubles each time")


class NodeSpec(BaseModel):
    """One node: an operation with its parameters, and where its inputs come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: str = Field(description="Name of a node type (`spinbot nodes` lists them)")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the node type")
    inputs: dict[str, Link | list[Link]] = Field(
        default_factory=dict, description="Input ports, each linked to another node's output, or to several for a list"
    )
    after: list[str] = Field(
        default_factory=list, description="Nodes that must have succeeded first, without passing data"
    )
    engine: dict[str, str] = Field(
        default_factory=dict, description="Engine by slot, where it differs from the settings"
    )
    cache: Literal["use", "refresh", "off"] = Field(
        default="use", description="use: take a stored result; refresh: make it anew and store it; off: neither"
    )
    retry: Retry = Field(default=Retry(), description="How often it is tried")
    timeout_s: float | None = Field(default=None, gt=0, description="Seconds after which a run of it is stopped")
    priority: int = Field(default=0, ge=-100, le=100, description="Higher goes first where nodes wait for a host")

    def links(self) -> Iterator[tuple[str, Link]]:
        """Every link with the input port it feeds."""
        for port, linked in self.inputs.items():
            for link in linked if isinstance(linked, list) else [linked]:
                yield port, link

    def needs(self) -> set[str]:
        """Nodes that must be done before this one."""
        return {link.node for _, link in self.links()} | set(self.after)


class Graph(BaseModel):
    """A whole graph. `outputs` names what the job is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    schema_: Literal["spinbot.graph/v1"] = Field(default=SCHEMA, alias="schema")
    name: str = Field(default="graph", max_length=200)
    title: str = Field(default="", max_length=200, description="What people know a job of it by; of no effect")
    nodes: dict[str, NodeSpec] = Field(min_length=1)
    outputs: dict[str, Link] = Field(min_length=1)

    def order(self) -> list[str]:
        """Node names so that each stands behind those it needs. Raises `graphlib.CycleError`."""
        return list(TopologicalSorter({name: sorted(spec.needs()) for name, spec in self.nodes.items()}).static_order())

    def to_json(self) -> dict[str, Any]:
        """The JSON document, without fields that have their default."""
        document = self.model_dump(by_alias=True, exclude_defaults=True)
        titled = {"title": self.title} if self.title else {}
        return {"schema": SCHEMA, "name": self.name, **titled, **{k: document[k] for k in ("nodes", "outputs")}}


class Expansion(BaseModel):
    """A subgraph that takes the place of a node: what its `run` may answer in place of outputs.

    The nodes run under the names `<expanded node>/<name>`. A link to the node `..` names an input port of the
    expanded node itself; `outputs` says where each of its output ports comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    nodes: dict[str, NodeSpec] = Field(min_length=1)
    outputs: dict[str, Link] = Field(min_length=1)

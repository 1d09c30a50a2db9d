"""Node types: one class, one operation. Its fields are the one source for checks, schema, options and forms.

A field whose type is a `Value`, or a list of one, is an input port and is linked; every other field is a parameter.
`Outputs` lists the output ports. A node holds no weights: it asks the context for an engine of a slot it declares.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from spinbot.actors.host import CallContext
from spinbot.graphs.graph import Expansion
from spinbot.graphs.values import Value


class Ports(BaseModel):
    """Base of the output ports of a node type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(BaseModel):
    """Base of all node types. Frozen, so an instance is a pure description of work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]
    version: ClassVar[int] = 1
    """Part of the cache key: raise it when the same inputs give another result."""
    slots: ClassVar[tuple[str, ...]] = ()
    """Slots whose engines `run` uses; they must be served by one host group."""
    inner_slots: ClassVar[tuple[str, ...]] = ()
    """Slots that the nodes of its expansion use, where `run` answers one."""
    admin: ClassVar[bool] = False
    """Whether it changes the installation: graphs that come over HTTP may hold it with the scope admin only."""

    class Outputs(Ports):
        """The output ports."""

    def foretold(self) -> Ports | Expansion | None:
        """What `run` will answer, where that follows from the fields alone and costs nothing: a preview looks at it."""
        return None

    def run(self, context: CallContext) -> Ports | Expansion:
        """Do the work, where the engines are; or answer the nodes that do it.

        May be called again after a crash, so it has no side effects but artifacts.
        """
        raise NotImplementedError(f"node type {self.type} has no run()")


NODES: dict[str, type[Node]] = {}


def node(
    name: str,
    *,
    version: int = 1,
    slots: tuple[str, ...] = (),
    inner_slots: tuple[str, ...] = (),
    admin: bool = False,
) -> Callable[[type[Node]], type[Node]]:
    """Publish a node type under `name` to graphs, the command line and (by its schema) every client."""

    def publish(cls: type[Node]) -> type[Node]:
        if not cls.__doc__:
            raise TypeError(f"node type {name} needs a docstring: it is what users read")
        if NODES.setdefault(name, cls) is not cls:
            raise TypeError(f"two node types are named {name!r}")
        cls.type, cls.version, cls.slots, cls.inner_slots, cls.admin = name, version, slots, inner_slots, admin
        return cls

    return publish


def value_type(field: FieldInfo) -> type[Value] | None:
    """The port type of an input field; None for a parameter. `X | None` and `list[X]` count as X."""
    annotation = field.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, Value) else None


def takes_list(field: FieldInfo) -> bool:
    """Whether an input field takes any number of links."""
    return get_origin(field.annotation) is list


@cache
def inputs_of(cls: type[Node]) -> dict[str, type[Value]]:
    """Input ports of a node type by name."""
    return {name: kind for name, field in cls.model_fields.items() if (kind := value_type(field))}


@cache
def params_of(cls: type[Node]) -> dict[str, FieldInfo]:
    """Parameters of a node type by name."""
    return {name: field for name, field in cls.model_fields.items() if value_type(field) is None}


@cache
def outputs_of(cls: type[Node]) -> dict[str, type[Value]]:
    """Output ports of a node type by name."""
    return {name: kind for name, field in cls.Outputs.model_fields.items() if (kind := value_type(field))}


def describe(cls: type[Node]) -> dict[str, Any]:
    """JSON description of a node type: ports, parameters as JSON Schema, slots and version."""
    schema = cls.model_json_schema()
    required = set(schema.get("required", ()))
    return {
        "type": cls.type,
        "version": cls.version,
        "description": (cls.__doc__ or "").strip(),
        "slots": [*cls.slots, *cls.inner_slots],
        "inputs": {
            n: {"type": k.__name__, "list": takes_list(cls.model_fields[n]), "required": n in required}
            for n, k in inputs_of(cls).items()
        },
        "params": {n: schema["properties"][n] | {"required": n in required} for n in params_of(cls)},
        "outputs": {n: k.__name__ for n, k in outputs_of(cls).items()},
    }

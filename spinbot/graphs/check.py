"""Checks of a graph document. Every fault is found in one go, before anything is queued or loaded."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError
from itertools import islice
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spinbot.actors.pool import group_for
from spinbot.config import Settings
from spinbot.engines.registry import ENGINES, engine_class
from spinbot.errors import GraphError, InputError
from spinbot.graphs.graph import Expansion, Graph, Link, NodeSpec
from spinbot.graphs.node import NODES, Node, inputs_of, outputs_of, params_of, takes_list
from spinbot.graphs.values import Value
from spinbot.models.local import not_set_up
from spinbot.store.artifacts import artifact_ids

NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_./-]{0,99}$")
MOST_IN_A_LINE = 20
"""Faults in the message of the error; its details have all of them."""
MOST_HINTS = 100
"""Suggestions for one graph: finding one takes up to a millisecond, and a graph may have 10,000 faults."""
MOST_NAMES = 200
"""Names that a suggestion is looked for in: more take too long, and nobody reads so many."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `node` and `field` are empty where the fault concerns the whole graph."""

    code: str
    node: str
    field: str
    message: str
    hint: str

    def line(self) -> str:
        """One line for people: `node.field: message (hint)`."""
        where = ".".join(part for part in (self.node, self.field) if part)
        return f"{where + ': ' if where else ''}{self.message}{f' ({self.hint})' if self.hint else ''}"


def parse(document: Any, *, artifacts: Container[str], settings: Settings) -> Graph:
    """The graph of a JSON document that passes every check. Raises `GraphError` with all faults in `details`."""
    faults, graph = check(document, artifacts=artifacts, settings=settings)
    if graph is None or faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        more = len(faults) - MOST_IN_A_LINE
        raise GraphError(
            f"the graph has {count}: "
            + "; ".join(fault.line() for fault in faults[:MOST_IN_A_LINE])
            + (f"; and {more} more" if more > 0 else ""),
            hint="node types and their fields: spinbot nodes",
            details=[dict(vars(fault)) for fault in faults],
        )
    return graph


def check(document: Any, *, artifacts: Container[str], settings: Settings) -> tuple[list[Fault], Graph | None]:
    """All faults of a graph document, and the graph where its shape allows to read it."""
    hints = Hints()
    try:
        graph, broken, faults = Graph.model_validate(document), set[str](), list[Fault]()
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        faults = _shape_faults(errors, hints)
        graph, broken = _what_can_be_read(document, errors)
    for name, spec in graph.nodes.items():
        if not NAME.match(name):
            hint = "use letters, digits and _ . / -, at most 100"
            faults.append(Fault("bad_name", name, "", f"{name[:200]!r} is not a node name", hint))
        if name not in broken:
            faults += _node_faults(name, spec, graph, artifacts, settings, hints)
    if not graph.outputs:
        return faults, None
    faults += _output_faults(graph, hints)
    faults += _cycle_faults(graph)
    return faults, graph


class Hints:
    """What is worth finding out once for a whole graph: suggestions, as many as anybody reads, and missing hosts."""

    def __init__(self) -> None:
        self._left = MOST_HINTS
        self._fitting: dict[type[Value], str] = {}
        self._hosts: dict[tuple[str, ...], InputError | None] = {}
        self._lacking: dict[tuple[str, str], str] = {}

    def suggest(self, word: str, known: Collection[str]) -> str:
        """`suggest`, while there are suggestions left."""
        self._left -= 1
        return suggest(word, known) if self._left >= 0 else ""

    def no_host(self, slots: tuple[str, ...], settings: Settings) -> InputError | None:
        """Why no host group serves all of these slots; None where one does."""
        if slots not in self._hosts:
            try:
                group_for(slots, settings.hosts)
                self._hosts[slots] = None
            except InputError as error:
                self._hosts[slots] = error
        return self._hosts[slots]

    def not_set_up(self, slot: str, engine: str, settings: Settings) -> str:
        """What to do first so that an engine can run: it wants a model that only a setting can name."""
        if (slot, engine) not in self._lacking:
            remedies = (not_set_up(model, settings) for model in engine_class(slot, engine).requires)
            self._lacking[slot, engine] = next(filter(None, remedies), "")
        return self._lacking[slot, engine]

    def fitting(self, graph: Graph, kind: type[Value]) -> str:
        """Which outputs of the graph an input of this kind takes."""
        if kind not in self._fitting:
            self._fitting[kind] = suggest("", list(islice(_fitting(graph, kind), 20)))
        return self._fitting[kind]


def check_expansion(
    parent: str, expansion: Expansion, around: Graph, *, artifacts: Container[str], settings: Settings
) -> dict[str, NodeSpec]:
    """The nodes of an expansion under their full names, with links that hold in the whole graph `around`.

    Raises `GraphError` with all faults.
    """
    spec = around.nodes[parent]
    faults: list[Fault] = []
    hints = Hints()
    inner: dict[str, NodeSpec] = {}
    for name, node in expansion.nodes.items():
        inputs: dict[str, Link | list[Link]] = {}
        for port, linked in node.inputs.items():
            if isinstance(linked, list):
                inputs[port] = [_placed(parent, link, spec) for link in linked]
            else:
                inputs[port] = _placed(parent, linked, spec)
        slots = NODES[node.type].slots if node.type in NODES else ()
        engine = {slot: engine for slot, engine in spec.engine.items() if slot in slots} | node.engine
        # What orders the expanded node orders its parts: a link to the outside alone would let them start early.
        after = [f"{parent}/{other}" for other in node.after]
        inherited = {
            "cache": spec.cache if node.cache == "use" else node.cache,
            "priority": node.priority or spec.priority,
        }
        inner[f"{parent}/{name}"] = node.model_copy(
            update={"inputs": inputs, "after": after, "engine": engine} | inherited
        )
    whole = Graph.model_construct(nodes=around.nodes | inner, outputs={})
    for name, node in inner.items():
        faults += _node_faults(name, node, whole, artifacts, settings, hints)
    ports = outputs_of(NODES[spec.type])
    for port in ports.keys() ^ expansion.outputs.keys():
        faults.append(Fault("unreachable_output", parent, port, f"output {port!r} is not given or not known", ""))
    for port, link in expansion.outputs.items():
        source = expansion.nodes.get(link.node)
        if source is None or source.type not in NODES or link.output not in outputs_of(NODES[source.type]):
            faults.append(Fault("unreachable_output", parent, port, f"there is no {link.node}.{link.output}", ""))
    faults += _cycle_faults(whole)
    if faults:
        raise GraphError(
            f"{parent} expanded into nodes that do not fit: " + "; ".join(fault.line() for fault in faults),
            hint=f"this is a defect of the node type {spec.type}",
            details=[dict(vars(fault)) for fault in faults],
        )
    return inner


def _placed(parent: str, link: Link, spec: NodeSpec) -> Link:
    """A link inside an expansion as it reads in the whole graph."""
    if link.node != "..":
        return Link(node=f"{parent}/{link.node}", output=link.output)
    outer = spec.inputs.get(link.output)
    return outer if isinstance(outer, Link) else Link(node="..", output=link.output)


def suggest(word: str, known: Collection[str]) -> str:
    """`did you mean 'x'?`, or the list of what there is; nothing where there is too much to choose from."""
    if len(known) > MOST_NAMES:
        return ""
    options = sorted(known)
    close = difflib.get_close_matches(word[:100], options, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are: {', '.join(options)}" if options else ""


def _shape_faults(errors: Sequence[ErrorDetails], hints: Hints) -> list[Fault]:
    faults = []
    for item in errors:
        path = [str(part) for part in item["loc"]]
        in_node = path[0] == "nodes" and len(path) > 1 if path else False
        node, field = (path[1], ".".join(path[2:])) if in_node else ("", ".".join(path))
        if item["type"] == "extra_forbidden":
            known = NodeSpec.model_fields if in_node else ("schema", "name", "title", "nodes", "outputs")
            message = f"there is no field {path[-1][:200]!r} here"
            faults.append(Fault("unknown_field", node, field, message, hints.suggest(path[-1], known)))
        elif item["type"] == "missing":
            faults.append(Fault("missing_field", node, field, f"the field {path[-1]!r} is missing", ""))
        else:
            given = item["input"]
            shown = repr(given) if isinstance(given, int | float | None) else _SHORT.repr(given)  # 5 times as fast
            faults.append(Fault("bad_value", node, field, item["msg"], f"got {shown[:100]}"))
    return faults


def _what_can_be_read(document: Any, errors: Sequence[ErrorDetails]) -> tuple[Graph, set[str]]:
    """The nodes of a misshapen document, without outputs, and the names of those that cannot be read themselves."""
    given = document.get("nodes") if isinstance(document, dict) else None
    if not isinstance(given, dict):
        return Graph.model_construct(nodes={}, outputs={}), set()
    places = [item["loc"] for item in errors]
    broken = {str(place[1]) for place in places if len(place) > 1 and place[0] == "nodes"}
    nothing = NodeSpec(type="")
    nodes = {name: nothing if name in broken else NodeSpec.model_validate(spec) for name, spec in given.items()}
    return Graph.model_construct(nodes=nodes, outputs={}), broken


def _fitting(graph: Graph, kind: type[Value]) -> Iterator[str]:
    for name, spec in graph.nodes.items():
        if spec.type in NODES:
            for output, gives in outputs_of(NODES[spec.type]).items():
                if issubclass(gives, kind):
                    yield f"{name}.{output}"


def _node_faults(
    name: str, spec: NodeSpec, graph: Graph, artifacts: Container[str], settings: Settings, hints: Hints
) -> list[Fault]:
    cls = NODES.get(spec.type)
    if cls is None:
        return [
            Fault("unknown_type", name, "type", f"there is no node type {spec.type!r}", hints.suggest(spec.type, NODES))
        ]
    faults = _param_faults(name, spec, cls, hints)
    faults += _link_faults(name, spec, cls, graph, hints)
    faults += _engine_faults(name, spec, cls, settings, hints)
    for other in spec.after:
        if other not in graph.nodes:
            hint = hints.suggest(other, graph.nodes)
            faults.append(Fault("unknown_node", name, "after", f"there is no node {other!r}", hint))
    for field, value in spec.params.items():
        for artifact in artifact_ids(value):
            if artifact not in artifacts:
                message = f"artifact {artifact[:19]}... is not in the store"
                faults.append(Fault("missing_artifact", name, field, message, "upload the file first"))
    return faults


def _param_faults(name: str, spec: NodeSpec, cls: type[Node], hints: Hints) -> list[Fault]:
    faults = []
    params, inputs = params_of(cls), inputs_of(cls)
    for field in spec.params.keys() - params.keys():
        if field in inputs:
            message, hint = f"{field!r} is an input of {cls.type}, not a parameter", "link it under inputs"
        else:
            message, hint = f"{cls.type} has no parameter {field!r}", hints.suggest(field, params)
        faults.append(Fault("unknown_field", name, field, message, hint))
    try:
        cls.model_validate({key: value for key, value in spec.params.items() if key in params})
    except ValidationError as error:
        for item in error.errors():
            field = str(item["loc"][0]) if item["loc"] else ""
            if field in inputs:  # links are checked on their own
                continue
            if item["type"] == "missing":
                hint = params[field].description or ""
                faults.append(Fault("missing_field", name, field, f"{cls.type} needs {field!r}", hint))
            else:
                hint = f"got {_SHORT.repr(item['input'])}" if field else ""
                faults.append(Fault("bad_value", name, field, item["msg"], hint))
    return faults


def _link_faults(name: str, spec: NodeSpec, cls: type[Node], graph: Graph, hints: Hints) -> list[Fault]:
    faults = []
    inputs = inputs_of(cls)
    for field, linked in spec.inputs.items():
        if field not in inputs:
            faults.append(
                Fault("unknown_field", name, field, f"{cls.type} has no input {field!r}", hints.suggest(field, inputs))
            )
        elif isinstance(linked, list) != takes_list(cls.model_fields[field]):
            message = f"{name}.{field} takes {'one link' if isinstance(linked, list) else 'a list of links'}"
            faults.append(Fault("wrong_type", name, field, message, ""))
    for field, link in spec.links():
        if field not in inputs:
            continue
        if link.node not in graph.nodes:
            hint = hints.suggest(link.node, graph.nodes)
            faults.append(Fault("unknown_node", name, field, f"there is no node {link.node!r}", hint))
            continue
        source = NODES.get(graph.nodes[link.node].type)
        if source is None:  # reported where it stands
            continue
        outputs = outputs_of(source)
        if link.output not in outputs:
            message = f"{link.node} ({source.type}) has no output {link.output!r}"
            faults.append(Fault("unknown_output", name, field, message, hints.suggest(link.output, outputs)))
        elif not issubclass(outputs[link.output], inputs[field]):
            gives, takes = outputs[link.output].__name__, inputs[field].__name__
            message = f"{name}.{field} takes {takes}, but {link.node}.{link.output} is {gives}"
            faults.append(Fault("wrong_type", name, field, message, hints.fitting(graph, inputs[field])))
    for field, info in cls.model_fields.items():
        if field in inputs and info.is_required() and field not in spec.inputs:
            message = f"{cls.type} needs the input {field!r} ({inputs[field].__name__})"
            faults.append(Fault("missing_field", name, field, message, "link it to a node's output"))
    return faults


def _engine_faults(name: str, spec: NodeSpec, cls: type[Node], settings: Settings, hints: Hints) -> list[Fault]:
    faults = []
    for slot, engine in spec.engine.items():
        field = f"engine.{slot}"
        if slot not in (slots := (*cls.slots, *cls.inner_slots)):
            message, hint = f"{cls.type} does not use the slot {slot!r}", hints.suggest(slot, slots)
            faults.append(Fault("unknown_field", name, field, message, hint))
        elif engine not in (known := {*ENGINES[slot], settings.engines[slot]}):
            message, hint = f"slot {slot} has no engine {engine!r}", hints.suggest(engine, known)
            faults.append(Fault("unknown_engine", name, field, message, hint))
    for slot in cls.slots:
        engine = spec.engine.get(slot, settings.engines[slot])
        known = {*ENGINES[slot], settings.engines[slot]}
        if engine in known and (remedy := hints.not_set_up(slot, engine, settings)):
            faults.append(Fault("not_set_up", name, f"engine.{slot}", f"no {slot} is set up", remedy))
    if (error := hints.no_host(cls.slots, settings)) is not None:
        faults.append(Fault(error.code, name, "", error.message, error.hint))
    return faults


def _output_faults(graph: Graph, hints: Hints) -> list[Fault]:
    faults = []
    reached: set[str] = set()
    stack: list[str] = []
    for output, link in graph.outputs.items():
        field = f"outputs.{output}"
        if link.node not in graph.nodes:
            hint = hints.suggest(link.node, graph.nodes)
            faults.append(Fault("unreachable_output", "", field, f"there is no node {link.node!r}", hint))
            continue
        stack.append(link.node)
        source = NODES.get(graph.nodes[link.node].type)
        if source is not None and link.output not in (ports := outputs_of(source)):
            message = f"{link.node} ({source.type}) has no output {link.output!r}"
            faults.append(Fault("unreachable_output", "", field, message, hints.suggest(link.output, ports)))
    while stack:
        name = stack.pop()
        if name in graph.nodes and name not in reached:
            reached.add(name)
            stack += graph.nodes[name].needs()
    if not faults:
        for name in [name for name in graph.nodes if name not in reached]:
            hint = "add it to outputs, link it, or remove it"
            faults.append(Fault("unused_node", name, "", "no output of the graph depends on this node", hint))
    return faults


def _cycle_faults(graph: Graph) -> list[Fault]:
    try:
        graph.order()
    except CycleError as error:
        waiting = list(reversed(error.args[1]))
        path = " -> ".join(waiting if len(waiting) <= 20 else [*waiting[:10], "...", *waiting[-10:]])
        return [Fault("cycle", error.args[1][0], "", f"these nodes wait for each other: {path}", "remove one link")]
    return []

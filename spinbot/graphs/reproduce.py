"""Making a video again from its sidecar, with nothing taken from the cache, and comparing what every node answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from spinbot.errors import InputError, ModelError, NotFoundError
from spinbot.graphs.graph import Expansion, Graph, NodeSpec
from spinbot.store.artifacts import artifact_ids
from spinbot.store.jobs import Job


@dataclass(frozen=True)
class Compared:
    """How a node's answer compares with the recorded one. `difference` is empty where they are equal."""

    node: str
    difference: str

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self) | {"identical": not self.difference}


def read_sidecar(video: Path) -> dict[str, Any]:
    """The sidecar beside a video. Raises `InputError`."""
    path = video.with_suffix(".json")
    hint = "it is written beside each video, with the same name and the ending .json: keep both together"
    if not path.is_file():
        raise InputError(f"there is no sidecar {path}", hint=hint, code="no_file")
    try:
        sidecar = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}", hint=hint, code="bad_sidecar") from error
    if not isinstance(sidecar, dict) or not all(isinstance(sidecar.get(key), dict) for key in ("graph", "nodes")):
        raise InputError(f"{path} is not the sidecar of a video", hint=hint, code="bad_sidecar")
    return sidecar


def check_weights(sidecar: dict[str, Any], digest: Callable[[str, str], str]) -> None:
    """Raise `ModelError` where an engine's weights are not the recorded ones. `digest(slot, engine)` is today's."""
    for name, node in sidecar["nodes"].items():
        for where, recorded in node["engines"].items():
            slot, engine = where.split("/", 1)
            if digest(slot, engine) != recorded:
                raise ModelError(
                    f"{engine} ({slot}) has other weights than when node {name} of the video was made",
                    hint=f"the video was made by spinbot {sidecar.get('spinbot', '?')}: reproduce it with that version",
                    code="other_weights",
                )


def check_inputs(sidecar: dict[str, Any], artifacts: Container[str]) -> None:
    """Raise `NotFoundError` where a file that the graph starts from is not stored any more."""
    for name, spec in sidecar["graph"].get("nodes", {}).items():
        for artifact in artifact_ids(spec.get("params", {})):
            if artifact not in artifacts:
                raise NotFoundError(
                    f"the file that node {name} starts from is not in the store ({artifact[:19]}...)",
                    hint="give the same file (the same portrait) to spinbot generate once: that stores it",
                    code="missing_artifact",
                )


def document(sidecar: dict[str, Any]) -> dict[str, Any]:
    """The recorded graph with the engines that were used, and every node's cache off."""
    graph: dict[str, Any] = sidecar["graph"]
    nodes = {}
    for name, spec in graph["nodes"].items():
        engines = dict(where.split("/", 1) for where in sidecar["nodes"].get(name, {}).get("engines", {}))
        nodes[name] = spec | {"cache": "off"} | ({"engine": engines} if engines else {})
    return graph | {"nodes": nodes}


def compare(sidecar: dict[str, Any], job: Job) -> list[Compared]:
    """Every recorded node against the same of `job`, each behind those it depends on, so the first fault is the cause.

    A node that was not recorded, since the video took the node around it from the cache, is left out. What is signed
    is compared by its content before that: no two signatures are equal.
    """
    order = list(_in_order(job))
    recorded = sidecar["nodes"]
    found = []
    for name in [*order, *(recorded.keys() - set(order))]:
        if name not in recorded:
            continue
        run = job.nodes.get(name)
        if run is None:
            difference = "there is no such node this time"
        elif run.state == "cached":
            difference = "it was taken from the cache, not made again"
        else:
            difference = _difference("outputs", recorded[name]["outputs"], run.outputs)
        found.append(Compared(name, difference))
    return found


def _in_order(job: Job) -> Iterator[str]:
    """Node names, each behind its needs, parts before the node that they make up."""

    def walk(specs: dict[str, NodeSpec]) -> Iterator[str]:
        inside = {name: {need for need in spec.needs() if need in specs} for name, spec in specs.items()}
        for name in TopologicalSorter(inside).static_order():
            run = job.nodes[name]
            if run.expansion is not None:
                expansion = Expansion.model_validate(run.expansion)
                yield from walk({f"{name}/{inner}": spec for inner, spec in expansion.nodes.items()})
            yield name

    return walk(Graph.model_validate(job.graph).nodes)


def _difference(where: str, before: Any, after: Any) -> str:
    """The first difference between two JSON values, with the path to it."""
    if isinstance(before, dict) and isinstance(after, dict):
        skipped = {"artifact"} if before.get("content") and after.get("content") else set()
        for key in [*before, *(after.keys() - before.keys())]:
            if key in skipped:
                continue
            if key not in before or key not in after:
                return f"{where}.{key} is there only {'now' if key in after else 'in the sidecar'}"
            if difference := _difference(f"{where}.{key}", before[key], after[key]):
                return difference
        return ""
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = zip(before, after, strict=True)
        return next((d for n, (b, a) in enumerate(pairs) if (d := _difference(f"{where}[{n}]", b, a))), "")
    return "" if before == after else f"{where} was {_short(before)}, is {_short(after)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."

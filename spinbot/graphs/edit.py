"""Edits of a graph that has run: one sentence said otherwise, all else as it was."""

from __future__ import annotations

from typing import Any

from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.graph import NodeSpec
from spinbot.graphs.node import NODES, outputs_of
from spinbot.graphs.nodes.script import EditedScript, check_sentences
from spinbot.store.jobs import Job

SCRIPT = "script"
"""Name of the node whose narration is edited, and of its output."""


def edited(job: Job, number: int, text: str) -> dict[str, Any]:
    """The graph document of a job that succeeded, with sentence `number` of its script replaced by `text`.

    Raises `InputError` (`wrong_state` for a job that has not succeeded), see `edit_sentence`.
    """
    if job.state != "succeeded":
        raise InputError(
            f"job {job.id} is {job.state}: only one that succeeded can be edited",
            hint="wait for it, or edit another",
            code="wrong_state",
        )
    script = (job.outputs or {}).get(SCRIPT)
    if script is None:
        raise InputError(f"job {job.id} has no script among its outputs", hint="edit a job that makes a video")
    return edit_sentence(job.graph, script, number, text)


def edit_sentence(graph: dict[str, Any], script: dict[str, Any], number: int, text: str) -> dict[str, Any]:
    """The document of `graph` with sentence `number` (from 1) of its script replaced by `text`; nothing else changes.

    `script` is the narration that the graph's job made, as JSON of `values.Script`. The other sentences stay exactly
    as they are, so their segments come from the cache. Raises `InputError` for a graph without a script, a number out
    of range and a text that cannot be spoken.
    """
    spec = graph.get("nodes", {}).get(SCRIPT)
    if spec is None or spec["type"] not in NODES or outputs_of(NODES[spec["type"]]).get(SCRIPT) is not values.Script:
        raise InputError(
            "the graph has no script to edit", hint="edit a job whose graph has a script node named 'script'"
        )
    old = values.Script.model_validate(script)
    count = len(old.sentences)
    if not 1 <= number <= count:
        has = "one sentence" if count == 1 else f"{count} sentences"
        raise InputError(
            f"the script has {has}; there is no sentence {number}", hint=f"give a number from 1 to {count}"
        )
    sentences = list(old.sentences)
    sentences[number - 1] = " ".join(text.split())
    check_sentences(sentences)
    params: dict[str, Any] = {"sentences": sentences, "title": old.title, "visual": old.visual}
    if old.made_by:
        params["models"] = [stamp.model_dump() for stamp in old.made_by]
    edited = graph["nodes"] | {SCRIPT: {"type": EditedScript.type, "params": params}}
    for name in _only_for(SCRIPT, graph):
        del edited[name]
    return graph | {"nodes": edited}


def _only_for(name: str, graph: dict[str, Any]) -> set[str]:
    """Nodes that nothing but node `name` depends on, such as the scripts that it joined."""
    needs = {other: NodeSpec.model_validate(spec).needs() for other, spec in graph["nodes"].items()}
    given = {link["node"] for link in graph.get("outputs", {}).values()}
    found: set[str] = set()
    todo = [*needs[name]]
    while todo:
        other = todo.pop()
        followers = {node for node, needed in needs.items() if other in needed}
        if other not in given and followers <= found | {name}:
            found.add(other)
            todo += needs[other]
    return found

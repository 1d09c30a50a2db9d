"""Checks of graph documents: every fault at once, each with its place, its cause and its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import spinbot.graphs.nodes  # noqa: F401  # registers the node types
import tests.toys  # noqa: F401  # and the toys
from spinbot.config import HostGroup, Settings
from spinbot.errors import GraphError
from spinbot.graphs.check import Fault, check, parse
from spinbot.store.artifacts import LocalArtifacts


@pytest.fixture
def artifacts(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path / "artifacts")


def number(value: Any = 1, **extra: Any) -> dict[str, Any]:
    return {"type": "toy_number", "params": {"value": value}} | extra


def link(node: str, output: str = "number") -> dict[str, str]:
    return {"node": node, "output": output}


def add(left: str, right: str, **extra: Any) -> dict[str, Any]:
    return {"type": "toy_add", "inputs": {"left": link(left), "right": link(right)}} | extra


def document(nodes: dict[str, Any], out: str = "sum", **extra: Any) -> dict[str, Any]:
    return {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": {"result": link(out)}} | extra


def faults_of(graph: Any, artifacts: LocalArtifacts, settings: Settings | None = None) -> list[Fault]:
    return check(graph, artifacts=artifacts, settings=settings or Settings())[0]


def test_a_sound_graph_has_no_fault(artifacts):
    graph = document({"a": number(), "b": number(2), "sum": add("a", "b", after=["a"])})
    assert faults_of(graph, artifacts) == []


@pytest.mark.parametrize(
    ("nodes", "code", "node", "field", "says", "hint"),
    [
        ({"sum": {"type": "toy_nmber"}}, "unknown_type", "sum", "type", "toy_nmber", "did you mean 'toy_number'?"),
        ({"sum": number(valeu=3)}, "unknown_field", "sum", "valeu", "valeu", ""),
        ({"sum": number() | {"params": {"value": 1, "diry": ""}}}, "unknown_field", "sum", "diry", "diry", "'diary'"),
        ({"sum": {"type": "toy_number"}}, "missing_field", "sum", "value", "needs 'value'", "The number"),
        ({"sum": number(-1)}, "bad_value", "sum", "value", "greater than or equal to 0", "got -1"),
        ({"sum": number("many")}, "bad_value", "sum", "value", "valid integer", "got 'many'"),
        ({"a": number(), "sum": add("a", "b")}, "unknown_node", "sum", "right", "no node 'b'", "there are: a, sum"),
        (
            {"a": number(), "sum": {"type": "toy_add", "inputs": {"left": link("a"), "right": link("a", "nmber")}}},
            "unknown_output",
            "sum",
            "right",
            "no output 'nmber'",
            "did you mean 'number'?",
        ),
        (
            {"a": number(), "sum": {"type": "toy_add", "inputs": {"left": link("a")}}},
            "missing_field",
            "sum",
            "right",
            "needs the input 'right' (Number)",
            "link it",
        ),
        (
            {"t": {"type": "toy_file", "params": {"content": "x"}}, "a": number()}
            | {"sum": {"type": "toy_add", "inputs": {"left": link("a"), "right": link("t", "text")}}},
            "wrong_type",
            "sum",
            "right",
            "takes Number, but t.text is Text",
            "a.number",
        ),
        ({"a": number(), "sum": add("a", "sum")}, "cycle", "sum", "", "wait for each other: sum -> sum", "remove"),
        (
            {
                "a": number(),
                "sum": {"type": "toy_double", "inputs": {"number": link("a")}, "engine": {"script": "smol"}},
            },
            "unknown_engine",
            "sum",
            "engine.script",
            "no engine 'smol'",
            "smollm2",
        ),
        (
            {
                "a": number(),
                "sum": {"type": "toy_double", "inputs": {"number": link("a")}, "engine": {"tts": "kokoro"}},
            },
            "unknown_field",
            "sum",
            "engine.tts",
            "does not use the slot 'tts'",
            "script",
        ),
        ({"sum": number(), "idle": number()}, "unused_node", "idle", "", "no output", "remove it"),
        (
            {"sum": {"type": "load_image", "params": {"artifact": "sha256:" + "0" * 64}}},
            "missing_artifact",
            "sum",
            "artifact",
            "not in the store",
            "upload",
        ),
        ({"sum": number(after=["later"])}, "unknown_node", "sum", "after", "no node 'later'", "sum"),
        ({"sum": number(cache="maybe")}, "bad_value", "sum", "cache", "'use', 'refresh' or 'off'", "maybe"),
    ],
)
def test_each_fault_is_named_with_place_cause_and_remedy(artifacts, nodes, code, node, field, says, hint):
    found = faults_of(document(nodes), artifacts)
    match = [fault for fault in found if fault.code == code]
    assert match, found
    assert (match[0].node, match[0].field) == (node, field)
    assert says in match[0].message
    assert hint in match[0].hint


def test_all_faults_are_reported_at_once(artifacts):
    graph = document(
        {
            "a": {"type": "toy_nmber"},
            "b": number(-1),
            "c": {"type": "toy_add", "inputs": {"left": link("b"), "wrong": link("b")}},
            "sum": add("c", "nobody"),
        }
    )
    codes = {fault.code for fault in faults_of(graph, artifacts)}
    assert codes >= {"unknown_type", "bad_value", "unknown_field", "missing_field", "unknown_node", "unused_node"}


def test_an_output_that_nothing_gives_is_unreachable(artifacts):
    (fault,) = faults_of(document({"sum": number()}, out="total"), artifacts)
    assert (fault.code, fault.field) == ("unreachable_output", "outputs.result")


def test_slots_that_no_host_serves_together(artifacts):
    graph = document({"a": number(), "sum": {"type": "toy_double", "inputs": {"number": link("a")}}})
    (fault,) = faults_of(graph, artifacts, Settings(hosts={"media": HostGroup()}))
    assert fault.code == "no_host"
    assert "SPINBOT_HOSTS" in fault.hint


@pytest.mark.parametrize("graph", [None, [], "graph", {}, {"schema": "spinbot.graph/v2"}, document({})])
def test_what_is_no_graph_is_refused_with_its_reason(artifacts, graph):
    with pytest.raises(GraphError) as caught:
        parse(graph, artifacts=artifacts, settings=Settings())
    assert caught.value.details
    assert caught.value.exit_code == 2


def test_a_misspelt_field_of_the_graph_itself(artifacts):
    found = faults_of(document({"sum": number()}, outptus={}), artifacts)
    assert [(fault.code, fault.hint) for fault in found] == [("unknown_field", "did you mean 'outputs'?")]


def test_of_many_faults_the_message_names_twenty_and_the_details_all(artifacts):
    graph = document({f"n{number}": {"type": "no_such_type"} for number in range(30)}, "n0")
    with pytest.raises(GraphError) as caught:
        parse(graph, artifacts=artifacts, settings=Settings())
    faults = len(caught.value.details)
    assert faults >= 30
    assert str(caught.value).startswith(f"the graph has {faults} faults: ")
    assert f"; and {faults - 20} more" in str(caught.value)

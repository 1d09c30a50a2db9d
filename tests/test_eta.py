"""How long a job still takes: what the preview said, less what is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.graphs.films import TalkingPortrait
from spinbot.planner.costs import Costs, Run
from spinbot.planner.eta import MOST_NODES, Eta, eta
from spinbot.planner.past import Past
from spinbot.store.jobs import JobStore
from spinbot.store.ledger import Ledger, Turn
from spinbot.store.node_runs import NodeRun
from tests.api import ended, gate, serving, submit
from tests.house import House
from tests.lab import add, number

SENTENCES = ["The harbor was quiet in the night.", "Then a bell rang.", "Nobody moved."]


class Driven:
    """A job whose runner is the test."""

    def __init__(self, house: House, document: dict[str, Any], past: Past | None = None) -> None:
        self._house = house
        self._jobs = JobStore(house.database)
        self._past = past or Past()
        self._ledger = Ledger(self._jobs, lease_s=60)
        self.id = self._jobs.create("toy", document)
        claimed = self._ledger.claim(self.id)
        assert claimed
        self._epoch = claimed.epoch

    @property
    def eta(self) -> Eta:
        house = self._house
        job = self._jobs.get(self.id)
        return eta(job, house.database, settings=house.settings, artifacts=house.artifacts, past=self._past)

    def change(self, node: str, **row: Any) -> None:
        turn, run = Turn(), self._jobs.get(self.id).nodes.get(node) or NodeRun(node)
        for name, value in row.items():
            setattr(run, name, value)
        turn.change(run, {})
        self._ledger.write(self.id, self._epoch, turn)

    def say(self, node: str, fraction: float, eta_s: float | None = None) -> None:
        turn = Turn()
        turn.say("node.progress", node, {"fraction": fraction, "message": "", "eta_s": eta_s})
        self._ledger.write(self.id, self._epoch, turn)

    def end(self) -> None:
        turn = Turn()
        turn.end("failed")
        self._ledger.write(self.id, self._epoch, turn)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.database.dispose()


def video(house: House) -> dict[str, Any]:
    return TalkingPortrait(script=" ".join(SENTENCES), portrait=house.portrait).graph()


def test_at_first_it_is_what_the_preview_says(house):
    document = video(house)
    said = house.preview(document)
    job = Driven(house, document)
    assert job.eta.left == pytest.approx(said.elapsed_s, abs=0.02)
    known = {node.node: node.seconds for node in said.nodes if node.state != "expanded"}
    assert job.eta.nodes == pytest.approx({name: known[name] for name in document["nodes"] if name in known}, abs=0.001)


def test_what_is_done_counts_no_more(house):
    job = Driven(house, video(house))
    before = job.eta
    image = {"artifact": house.portrait, "width": 512, "height": 512}
    job.change("portrait", state="succeeded", outputs={"image": image})
    job.change("frame", state="cached", outputs={"image": image})
    after = job.eta
    assert after.nodes.keys() == before.nodes.keys() - {"portrait", "frame"}
    assert before.left is not None
    assert after.left == pytest.approx(before.left - 0.55, abs=0.02)  # of what a portrait and its frame take by default


def test_a_running_node_counts_by_how_far_it_says_it_is(house):
    past = Past(Costs([Run("toy_number", frozenset(), None, 10.0), Run("toy_add", frozenset(), None, 2.0)]))
    graph = {"nodes": {"a": number(1), "b": number(2), "sum": add("a", "b")}, "outputs": {}}
    job = Driven(house, graph | {"outputs": {"sum": {"node": "sum", "output": "number"}}}, past)
    assert job.eta == Eta(12.0, {"a": 10.0, "b": 10.0, "sum": 2.0})
    now = JobStore(house.database).get(job.id).created
    job.change("b", state="succeeded", outputs={"number": {"value": 2}})
    job.change("a", state="running", started=now - 4.0)
    assert job.eta.left == pytest.approx(8.0, abs=0.5)
    job.say("a", 0.9)
    assert job.eta.left == pytest.approx(3.0, abs=0.5)
    assert job.eta.nodes == {"a": 10.0, "sum": 2.0}
    job.change("a", state="running", started=now - 1000.0)
    job.say("a", 0.5)
    assert job.eta.left == pytest.approx(7.0, abs=0.5)


def test_what_nothing_is_known_of_is_predicted_by_its_own_pace(house):
    job = Driven(house, {"nodes": {"a": number(1)}, "outputs": {"a": {"node": "a", "output": "number"}}})
    assert job.eta == Eta(None, {})
    now = JobStore(house.database).get(job.id).created
    job.change("a", state="running", started=now)
    job.say("a", 0.01)
    assert job.eta == Eta(None, {})
    job.say("a", 0.25, eta_s=30.0)
    assert job.eta.left == pytest.approx(30.0, abs=1)


def test_an_expansion_counts_by_its_parts(house):
    job = Driven(house, video(house))
    before = job.eta
    job.change("perform", state="expanded", expansion=expansion())
    parts = {f"perform/{name}": {"state": "pending"} for name in expansion()["nodes"]}
    turn = Turn()
    turn.new |= {name: NodeRun(name) for name in parts}
    turn.say("log", None, {})
    job._ledger.write(job.id, job._epoch, turn)
    after = job.eta
    assert parts.keys() <= after.nodes.keys()
    assert before.left is not None
    assert after.left is not None
    assert after.left < before.left


def expansion() -> dict[str, Any]:
    """One sentence where the script has three; stored links bear full names."""
    told = {"text": SENTENCES[1], "voice": "stock:kumo", "seed": 1}
    return {
        "nodes": {"speak-1": {"type": "speak_sentence", "params": told}},
        "outputs": {"speech": {"node": "perform/speak-1", "output": "speech"}},
    }


def test_nothing_is_said_of_a_job_that_has_ended_or_is_too_large(house):
    job = Driven(house, video(house))
    job.end()
    assert job.eta == Eta(None, {})
    nodes = {f"n{i}": {"type": "given_script", "params": {"text": "Hello."}} for i in range(MOST_NODES + 1)}
    outputs = {"a": {"node": "n0", "output": "script"}}
    assert Driven(house, {"nodes": nodes, "outputs": outputs}).eta == Eta(None, {})


def test_a_job_whose_node_type_is_gone_is_shown_without_a_time(house):
    job = Driven(house, {"nodes": {"a": {"type": "gone"}}, "outputs": {"a": {"node": "a", "output": "number"}}})
    assert job.eta == Eta(None, {})


def test_the_job_over_http_says_how_long_it_takes(tmp_path):
    with serving(tmp_path / "home") as api, api.client() as client:
        learned = ended(client, submit(client, gate(tmp_path)))
        assert (learned["eta_s"], learned["nodes"]["gate"]["expected_s"]) == (None, None)
        job = submit(client, gate(tmp_path / "gate", 2))
        while (found := client.get(f"/v1/jobs/{job}").json())["state"] != "running":
            pass
        took = learned["nodes"]["gate"]["finished"] - learned["nodes"]["gate"]["started"]
        assert 0 <= found["nodes"]["gate"]["expected_s"] <= took
        assert 0 <= found["eta_s"] <= took
        (tmp_path / "gate").touch()
        assert ended(client, job)["eta_s"] is None

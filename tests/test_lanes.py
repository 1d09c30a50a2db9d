"""Who is let in, and who goes together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.graphs.lanes import TOGETHER, TOGETHER_S, Lanes, Place, Ticket
from spinbot.graphs.paces import BRIEF_S, ENOUGH, Paces
from tests.lab import Lab, add, number


class Queue:
    """Lanes of one group with `seats`; `in_` lists who was let in, by place."""

    def __init__(self, seats: int) -> None:
        self.lanes = Lanes(lambda group: seats)
        self.places: list[Place] = []
        self.in_: list[list[str]] = []

    def join(self, name: str, takes_s: float | None, party: object = None, priority: int = 0) -> Ticket:
        ticket = Ticket("media", lambda place: self._admitted(name, place), party, takes_s)
        self.lanes.join(ticket, priority, "local")
        return ticket

    def _admitted(self, name: str, place: Place) -> None:
        if place not in self.places:
            self.places.append(place)
            self.in_.append([])
        self.in_[self.places.index(place)].append(name)


def test_brief_nodes_of_one_job_go_together_and_others_alone():
    queue = Queue(seats=4)
    for name, takes_s, party in [("a", 0.001, 1), ("b", 0.001, 1), ("c", None, 1), ("d", 0.001, 1), ("e", 0.001, 2)]:
        queue.join(name, takes_s, party)
    queue.lanes.admit()
    assert queue.in_ == [["a", "b"], ["c"], ["d"], ["e"]]


def test_together_they_take_no_longer_than_the_limit_and_no_more_go_than_a_turn_holds():
    queue = Queue(seats=2)
    for n in range(10):
        queue.join(f"{n}", TOGETHER_S / 4)
    queue.lanes.admit()
    assert [len(place) for place in queue.in_] == [4, 4]
    crowd = Queue(seats=1)
    for n in range(2 * TOGETHER):
        crowd.join(f"{n}", 0.0)
    crowd.lanes.admit()
    assert [len(place) for place in crowd.in_] == [TOGETHER]


def test_the_last_of_those_that_went_together_makes_room():
    queue = Queue(seats=1)
    for name in ("a", "b"):
        queue.join(name, 0.001)
    queue.join("c", None)
    queue.lanes.admit()
    queue.lanes.leave(queue.places[0])
    queue.lanes.admit()
    assert queue.in_ == [["a", "b"]]
    queue.lanes.leave(queue.places[0])
    queue.lanes.admit()
    assert queue.in_ == [["a", "b"], ["c"]]


def test_a_dropped_ticket_takes_no_room_and_a_higher_priority_parts_those_behind_it():
    queue = Queue(seats=3)
    queue.join("a", 0.001)
    queue.join("gone", 0.001).dropped = True
    queue.join("b", 0.001)
    queue.join("first", None, priority=1)
    queue.lanes.admit()
    assert queue.in_ == [["first"], ["a", "b"]]


def test_a_type_is_brief_once_seen_so_and_no_longer_after_one_slow_run():
    paces = Paces()
    for _ in range(ENOUGH - 1):
        paces.took("quick", 0.0001)
    assert paces.brief("quick") is None
    paces.took("quick", 0.0001)
    assert paces.brief("quick") == pytest.approx(0.0001)
    paces.took("quick", 10 * BRIEF_S)
    assert paces.brief("quick") is None
    assert paces.brief("never seen") is None


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def lab(request: pytest.FixtureRequest, tmp_path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path, request.param)
    yield laboratory
    laboratory.close()


def known_as_brief(lab: Lab, *kinds: str) -> None:
    """As if nodes of these types had just run often, on a machine with nothing else to do."""
    for kind in kinds * 30:
        lab.runner.paces.took(kind, 0.0001)


def test_every_node_of_a_wide_graph_of_brief_ones_runs_once_and_says_so(lab, tmp_path):
    diary = tmp_path / "diary"
    known_as_brief(lab, "toy_number")
    nodes = {f"n{n}": number(1000 + n, diary) for n in range(200)}
    job = lab.run(nodes)
    assert sorted(diary.read_text().splitlines()) == sorted(f"number {1000 + n}" for n in range(200))
    assert {name: value["value"] for name, value in job.outputs.items()} == {f"n{n}": 1000 + n for n in range(200)}
    for name in nodes:
        kinds = lab.kinds(job, name)  # on a machine that was busy it may have been taken back
        assert (kinds[0], kinds[-1], kinds.count("node.succeeded")) == ("node.running", "node.succeeded", 1)


def test_nodes_sent_together_do_not_wait_for_one_that_takes_long(lab, tmp_path):
    def gate(name: str, value: int) -> dict[str, Any]:
        return {"type": "toy_gate", "params": {"gate": str(tmp_path / name), "value": value, "diary": str(diary)}}

    diary = tmp_path / "diary"
    (tmp_path / "open").touch()
    known_as_brief(lab, "toy_gate")
    job = lab.submit({"long": gate("shut", 100)} | {f"n{n}": gate("open", 200 + n) for n in range(5)})

    async def story() -> None:
        others = {f"n{n}" for n in range(5)}
        done = asyncio.create_task(
            lab.heard(lambda e: e.kind == "node.succeeded" and (others.discard(e.node) or not others))
        )
        await asyncio.sleep(0)
        running = asyncio.create_task(lab.runner.run(job))
        await done
        assert lab.jobs.get(job).nodes["long"].state == "running"
        (tmp_path / "shut").touch()
        await running

    lab.wait(story())
    ended = lab.jobs.get(job)
    assert ended.state == "succeeded"
    assert {run.attempt for run in ended.nodes.values()} == {1}
    assert lab.hosts_at_rest()
    assert lab.kinds(ended, "n0") == ["node.running", "node.interrupted", "node.running", "node.succeeded"]
    begun = [int(line.split()[1]) for line in diary.read_text().splitlines()]
    assert sorted(begun) == [100, *range(200, 205)]


def plus(left: str, right: str, diary: Path | str = "") -> dict[str, Any]:
    return add(left, right, diary) | {"cache": "off"}


def test_nodes_that_want_no_cache_follow_what_they_wait_for_in_the_same_call(lab, tmp_path):
    diary = tmp_path / "diary"
    known_as_brief(lab, "toy_add", "toy_flaky")
    nodes = {"n0": number(1)} | {f"n{n}": plus(f"n{n - 1}", f"n{n - 1}", diary) for n in range(1, 30)}
    job = lab.run(nodes, "n29")
    assert job.outputs == {"n29": {"value": 2**29}}
    assert len(diary.read_text().splitlines()) == 29
    events = [(event.kind, event.node) for event in lab.jobs.events(job.id)]
    assert events.index(("node.running", "n20")) < events.index(("node.succeeded", "n10"))
    for n in range(1, 30):
        assert lab.kinds(job, f"n{n}").count("node.succeeded") == 1


def test_nodes_that_want_the_cache_do_not(lab):
    known_as_brief(lab, "toy_add", "toy_flaky")
    nodes = {"n0": number(1)} | {f"n{n}": add(f"n{n - 1}", f"n{n - 1}") for n in range(1, 10)}
    events = [(event.kind, event.node) for event in lab.jobs.events(lab.run(nodes, "n9").id)]
    assert events.index(("node.succeeded", "n4")) < events.index(("node.running", "n5"))


def test_what_went_along_with_a_node_that_failed_has_not_run(lab, tmp_path):
    diary = tmp_path / "diary"
    known_as_brief(lab, "toy_add", "toy_flaky")
    flaky = {
        "type": "toy_flaky",
        "params": {"diary": str(tmp_path / "tries"), "failures": 1},
        "cache": "off",
        "retry": {"attempts": 1},
    }
    job = lab.run({"a": flaky, "b": plus("a", "a", diary), "c": plus("b", "b", diary)}, "c")
    assert (job.state, job.nodes["a"].state) == ("failed", "failed")
    assert {job.nodes[name].state for name in "bc"} <= {"skipped", "cancelled"}
    assert not diary.exists()
    lab.jobs.reopen(job.id)
    (again,) = lab.wait(lab.runner.run(job.id))
    assert again.state == "succeeded"
    assert len(diary.read_text().splitlines()) == 2

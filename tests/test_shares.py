"""Who waits for whom: a key with many jobs waits for itself, and no other key waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from spinbot.graphs.shares import Limits, Turns, to_begin
from spinbot.store.ledger import Claimable
from tests.lab import Lab, link


def waiting(id_: str, owner: str, *, priority: int = 0, created: float = 0, wish: str | None = None) -> Claimable:
    return Claimable(id_, owner, priority, created, wish)  # type: ignore[arg-type]


def begun(jobs: list[Claimable], driven: dict[str, str], limits: Limits) -> list[str]:
    return [job.id for job in to_begin(jobs, driven, limits)]


def test_owners_alternate_and_the_one_with_fewer_running_jobs_is_first():
    jobs = [waiting(f"a{n}", "a", created=n) for n in range(3)] + [waiting(f"b{n}", "b", created=9 + n) for n in (0, 1)]
    assert begun(jobs, {}, Limits(10, 10)) == ["a0", "b0", "a1", "b1", "a2"]
    assert begun(jobs, {"x": "a", "y": "a"}, Limits(10, 10)) == ["b0", "b1", "a0", "a1", "a2"]


def test_a_higher_priority_goes_first_whoever_asks():
    jobs = [waiting("a0", "a"), waiting("a1", "a", priority=5), waiting("b0", "b")]
    assert begun(jobs, {}, Limits(10, 10)) == ["a1", "b0", "a0"]


def test_no_owner_and_no_runner_goes_beyond_its_limit():
    jobs = [waiting(f"a{n}", "a", created=n) for n in range(9)]
    assert begun(jobs, {}, Limits(10, 3)) == ["a0", "a1", "a2"]
    assert begun(jobs, {f"x{n}": "a" for n in range(2)}, Limits(10, 3)) == ["a0"]
    assert begun(jobs, {f"x{n}": "a" for n in range(4)}, Limits(4, 9)) == []


def test_the_first_job_of_an_owner_begins_even_when_others_fill_the_runner():
    full = {f"x{n}": "a" for n in range(4)}
    assert begun([waiting("a0", "a"), waiting("b0", "b"), waiting("b1", "b")], full, Limits(4, 4)) == ["b0"]


def test_a_wish_is_obeyed_whatever_the_limits():
    full = {f"x{n}": "a" for n in range(4)}
    assert begun([waiting("a0", "a"), waiting("a1", "a", wish="cancel")], full, Limits(4, 4)) == ["a1"]


def test_turns_put_a_newcomer_behind_what_is_served_and_not_behind_all_that_waits():
    turns = Turns()
    first = [turns.take("a") for _ in range(100)]
    turns.served(first[0])
    turns.served(first[1])
    assert first[1] <= turns.take("b") < first[3]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home", "local")
    yield lab
    lab.close()


def test_a_hundred_jobs_of_one_key_hold_another_keys_first_job_back_by_one_at_most(lab, tmp_path):
    """Each job is a chain of two nodes, and the hosts run four nodes at a time."""
    diary = tmp_path / "diary"

    def submit(owner: str, number: int) -> str:
        first = {"type": "toy_number", "params": {"value": number, "diary": str(diary)}, "cache": "off"}
        sum_ = {"type": "toy_sum", "inputs": {"numbers": [link("a")]}, "cache": "off"}
        graph = {"schema": "spinbot.graph/v1", "nodes": {"a": first, "sum": sum_}, "outputs": {"sum": link("sum")}}
        return lab.jobs.create(owner, graph, owner=owner)

    greedy = [submit("greedy", n) for n in range(100)]

    async def story() -> str:
        begins = asyncio.create_task(lab.heard(lambda e: e.kind == "job.succeeded"))
        await asyncio.sleep(0)
        serving = asyncio.create_task(lab.runner.serve())
        await begins
        late = submit("modest", 1000)
        done = asyncio.create_task(lab.heard(lambda e: (e.job, e.kind) == (late, "job.succeeded")))
        lab.runner.wake()
        await done
        await asyncio.gather(*map(lab.runner.run, greedy))
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        return late

    (late,) = lab.wait(story())
    created = lab.jobs.get(late).created
    ended = [job.finished for job in map(lab.jobs.get, greedy) if job.finished and job.finished > created]
    # Those that had a node at a host or were begun in the same look may end first: one for each of the four places.
    assert sum(finished < (lab.jobs.get(late).finished or 0) for finished in ended) <= 8

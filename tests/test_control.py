"""What users and faults do to running jobs: retry, timeout, cancel, pause, priority, identical work, expansions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from spinbot.errors import InputError
from spinbot.store.jobs import Job
from tests.lab import Lab, add, link, number


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("home"), request.param)
    yield lab
    lab.close()


def flaky(diary: Path, failures: int, **extra: Any) -> dict[str, Any]:
    return {"type": "toy_flaky", "params": {"diary": str(diary), "failures": failures}} | extra


def gate(path: Path, value: int = 1, diary: Path | str = "", **extra: Any) -> dict[str, Any]:
    return {"type": "toy_gate", "params": {"gate": str(path), "value": value, "diary": str(diary)}} | extra


# Retry and timeout


def test_what_may_pass_is_tried_again(lab, tmp_path):
    job = lab.run({"a": flaky(tmp_path / "diary", 2, retry={"attempts": 3, "backoff_s": 0.01})})
    assert (job.state, job.outputs["a"]["value"], job.nodes["a"].attempt) == ("succeeded", 3, 3)
    again = [event.data for event in lab.jobs.events(job.id) if event.kind == "node.retrying"]
    assert [data["again_in_s"] for data in again] == [0.01, 0.02]
    assert again[0]["error"]["message"] == "the toy did not answer"


def test_it_is_not_tried_for_ever(lab, tmp_path):
    job = lab.run({"a": flaky(tmp_path / "diary", 9, retry={"attempts": 2, "backoff_s": 0.01})})
    assert (job.state, job.error["code"], job.nodes["a"].attempt) == ("failed", "timeout", 2)


@pytest.mark.parametrize("how", ["input", "defect"])
def test_what_will_not_pass_is_not_tried_again(lab, how):
    job = lab.run({"bad": {"type": "toy_fail", "params": {"how": how}, "retry": {"attempts": 5}}})
    assert (job.state, job.nodes["bad"].attempt) == ("failed", 1)


def test_a_node_that_takes_too_long_is_stopped_and_says_so(lab):
    late = {"type": "toy_forever", "timeout_s": 0.2, "retry": {"attempts": 1}}
    job = lab.run({"late": late})
    assert (job.state, job.error["code"]) == ("failed", "timeout")
    assert "0.2 s" in job.error["message"]
    assert "timeout_s" in job.error["hint"]


def test_a_failed_job_goes_on_from_the_node_that_failed(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {
        "a": number(110, diary, cache="off"),
        "b": flaky(tmp_path / "tries", 1, retry={"attempts": 1}),
        "sum": add("a", "b", diary),
    }
    nodes["b"]["after"] = ["a"]
    job = lab.run(nodes, "sum")
    assert (job.state, job.nodes["sum"].state) == ("failed", "skipped")
    lab.jobs.reopen(job.id)
    (ended,) = lab.wait(lab.runner.run(job.id))
    assert (ended.state, ended.outputs["sum"]["value"]) == ("succeeded", 112)
    assert diary.read_text().splitlines() == ["number 110", "add 110 2"]
    assert [event.seq for event in lab.jobs.events(job.id)] == list(range(1, ended.events + 1))


# Cancel and pause


async def begin(lab: Lab, job: str, node: str) -> asyncio.Task[Job]:
    """Run a job until `node` has reported something."""
    reported = asyncio.create_task(lab.heard(lambda e: (e.job, e.node, e.kind) == (job, node, "node.progress")))
    await asyncio.sleep(0)
    running = asyncio.create_task(lab.runner.run(job))
    await reported
    return running


@pytest.mark.ray
@pytest.mark.parametrize("lab", ["ray"], indirect=True)
def test_a_deaf_node_is_gone_within_two_seconds_and_its_neighbours_do_not_notice(lab, tmp_path):
    deaf = lab.submit({"deaf": {"type": "toy_stubborn", "params": {"started": str(tmp_path / "pid")}}})
    other = lab.submit({"neighbour": gate(tmp_path / "gate", 120)})

    async def story() -> tuple[float, Job, Job]:
        neighbour = await begin(lab, other, "neighbour")
        running = await begin(lab, deaf, "deaf")
        process = psutil.Process(int((tmp_path / "pid").read_text()))
        asked = time.monotonic()
        lab.runner.ask(deaf, "cancel")
        ended = await running
        took = time.monotonic() - asked
        await asyncio.to_thread(process.wait, 10)
        (tmp_path / "gate").touch()
        return took, ended, await neighbour

    (result,) = lab.wait(story())
    took, ended, neighbour = result
    assert ended.state == "cancelled"
    assert ended.nodes["deaf"].state == "cancelled"
    assert took < 2
    assert (neighbour.state, neighbour.nodes["neighbour"].attempt) == ("succeeded", 1)


def test_a_job_is_cancelled_from_another_process(lab, tmp_path):
    job = lab.submit({"long": {"type": "toy_forever"}})

    async def story() -> Job:
        running = await begin(lab, job, "long")
        lab.jobs.ask(job, "cancel")  # as another process does: only in the database
        return await running

    assert lab.wait(story())[0].state == "cancelled"


def test_a_paused_job_ends_its_running_nodes_starts_no_others_and_goes_on_when_asked(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": gate(tmp_path / "gate", 130, diary), "b": number(131, diary), "sum": add("a", "b", diary)}
    nodes["b"]["after"] = ["a"]
    job = lab.submit(nodes, "sum")

    async def story() -> Job:
        running = await begin(lab, job, "a")
        lab.runner.ask(job, "pause")
        (tmp_path / "gate").touch()
        return await running

    (paused,) = lab.wait(story())
    assert paused.state == "paused"
    assert {name: run.state for name, run in paused.nodes.items()} == {
        "a": "succeeded",
        "b": "pending",
        "sum": "pending",
    }
    lab.jobs.reopen(job)
    (ended,) = lab.wait(lab.runner.run(job))
    assert ended.outputs["sum"]["value"] == 261
    assert diary.read_text().splitlines() == ["gate 130", "number 131", "add 130 131"]


def test_a_job_that_nobody_runs_is_cancelled_before_any_node_starts(lab, tmp_path):
    diary = tmp_path / "diary"
    job = lab.submit({"a": number(140, diary)})
    lab.jobs.ask(job, "cancel")
    (ended,) = lab.wait(lab.runner.run(job))
    assert (ended.state, ended.nodes["a"].state) == ("cancelled", "cancelled")
    assert not diary.exists()
    with pytest.raises(InputError, match="has ended"):
        lab.jobs.ask(job, "pause")


@asynccontextmanager
async def hosts_held(lab, place: Path, value: int) -> AsyncIterator[None]:
    """Gates hold all four processes until the block ends; each for itself, since it has a time limit."""
    job = lab.submit({f"g{n}": gate(place, value + n, timeout_s=60) for n in range(4)})
    full = asyncio.create_task(lab.heard(lambda e: (e.job, e.node, e.kind) == (job, "g3", "node.running")))
    await asyncio.sleep(0)
    holder = asyncio.create_task(lab.runner.run(job))
    await full
    yield
    place.touch()
    await holder


def begun(lab, job: str) -> float:
    return next(event.time for event in lab.jobs.events(job) if event.kind == "node.running")


def test_higher_priority_goes_first_when_hosts_are_busy(lab, tmp_path):
    low, high = lab.submit({"a": number(160)}), lab.submit({"a": number(161)}, priority=10)

    async def story() -> None:
        async with hosts_held(lab, tmp_path / "gate", 150):
            waiting = [asyncio.create_task(lab.runner.run(job)) for job in (low, high)]
            await asyncio.sleep(0)  # both are claimed and queued now
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    lab.wait(story())
    assert begun(lab, high) <= begun(lab, low)


def test_a_new_priority_of_a_running_job_counts_for_its_nodes_that_wait(lab, tmp_path):
    first, second = (lab.submit({"a": number(180 + n)}) for n in (0, 1))

    async def story() -> None:
        async with hosts_held(lab, tmp_path / "gate", 170):
            waiting = [asyncio.create_task(lab.runner.run(job)) for job in (first, second)]
            while second not in lab.runner._runs:
                await asyncio.sleep(0)
            lab.jobs.prioritise(second, 50)  # as another process does
            while lab.runner._runs[second]._priority != 50:
                await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    lab.wait(story())
    assert begun(lab, second) <= begun(lab, first)


# Identical work


def test_two_identical_jobs_at_once_run_each_node_once(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": gate(tmp_path / "gate", 170, diary), "b": number(171, diary), "sum": add("a", "b", diary)}
    first, second = lab.submit(nodes, "sum"), lab.submit(nodes, "sum")

    async def story() -> list[Job]:
        one = await begin(lab, first, "a")
        waits = asyncio.create_task(lab.heard(lambda e: (e.job, e.node, e.kind) == (second, "a", "log")))
        await asyncio.sleep(0)
        two = asyncio.create_task(lab.runner.run(second))
        await waits
        (tmp_path / "gate").touch()
        return [await one, await two]

    (jobs,) = lab.wait(story())
    assert [job.outputs["sum"]["value"] for job in jobs] == [341, 341]
    assert sorted(diary.read_text().splitlines()) == ["add 170 171", "gate 170", "number 171"]
    assert jobs[1].nodes["a"].state == "cached"


def test_two_runners_do_not_run_the_same_node_at_once_either(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": gate(tmp_path / "gate", 180, diary)}
    first, second = lab.submit(nodes), lab.submit(nodes)
    other = lab.another_runner()

    async def story() -> list[Job]:
        one = await begin(lab, first, "a")
        runs = asyncio.create_task(lab.heard(lambda e: (e.job, e.kind) == (second, "job.running"), other))
        await asyncio.sleep(0)
        two = asyncio.create_task(other.run(second))
        await runs
        (tmp_path / "gate").touch()
        return [await one, await two]

    (jobs,) = lab.wait(story())
    assert [job.state for job in jobs] == ["succeeded", "succeeded"]
    assert diary.read_text().splitlines() == ["gate 180"]


def test_when_the_one_that_runs_is_cancelled_the_other_takes_over(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": gate(tmp_path / "gate", 190, diary)}
    first, second = lab.submit(nodes), lab.submit(nodes)

    async def story() -> list[Job]:
        one = await begin(lab, first, "a")
        waits = asyncio.create_task(lab.heard(lambda e: (e.job, e.node, e.kind) == (second, "a", "log")))
        await asyncio.sleep(0)
        two = asyncio.create_task(lab.runner.run(second))
        await waits
        lab.runner.ask(first, "cancel")
        (tmp_path / "gate").touch()
        return [await one, await two]

    (jobs,) = lab.wait(story())
    assert jobs[1].state == "succeeded"
    assert jobs[0].state in ("cancelled", "succeeded")  # it may have passed the gate before it was asked


# Expansions


def doubles(times: int, diary: Path | str = "") -> dict[str, Any]:
    return {
        "type": "toy_double_all",
        "params": {"times": times, "diary": str(diary)},
        "inputs": {"number": link("a")},
    }


def test_a_node_may_answer_with_nodes_that_take_its_place(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": number(200), "all": doubles(3, diary), "sum": add("a", "all", diary)}
    job = lab.run(nodes, "sum")
    assert job.outputs["sum"]["value"] == 200 + 3 * 400
    inner = ["all/double-0", "all/double-1", "all/double-2", "all/sum"]
    assert list(job.nodes) == ["a", "all", *inner, "sum"]
    # Three identical doubles: one ran, two were taken from it.
    assert sorted(job.nodes[name].state for name in inner[:3]) == ["cached", "cached", "succeeded"]
    again = lab.run(nodes, "sum")
    assert {run.state for run in again.nodes.values()} == {"cached"}
    assert list(again.nodes) == ["a", "all", "sum"]
    assert diary.read_text().splitlines() == ["expand 3", "sum 1200", "add 200 1200"]


def test_an_expansion_that_does_not_fit_fails_its_node(lab):
    job = lab.run({"odd": {"type": "toy_misfit"}})
    assert (job.state, job.error["code"]) == ("failed", "bad_graph")
    assert "no node type 'nope'" in job.error["message"]
    assert "toy_misfit" in job.error["hint"]


def test_a_job_goes_on_inside_an_expansion(lab, tmp_path):
    diary = tmp_path / "diary"
    nodes = {"a": gate(tmp_path / "gate", 210), "all": doubles(2, diary), "sum": add("a", "all", diary)}
    job = lab.submit(nodes, "sum")

    async def story() -> None:
        expanded = asyncio.create_task(lab.heard(lambda e: (e.job, e.kind) == (job, "node.expanded")))
        (tmp_path / "gate").touch()
        running = asyncio.create_task(lab.runner.run(job))
        await expanded
        running.cancel()  # the runner is gone at this moment
        await asyncio.gather(running, return_exceptions=True)

    lab.wait(story())
    assert lab.jobs.get(job).state == "running"
    with lab.database.begin() as connection:  # as if its process had died: nobody renews the lease
        connection.exec_driver_sql("UPDATE jobs SET lease_until = 0")
    (ended,) = lab.wait(lab.another_runner().run(job))
    assert ended.outputs["sum"]["value"] == 210 + 2 * 420
    assert diary.read_text().splitlines().count("expand 2") == 1


# Long nodes


@pytest.mark.ray
@pytest.mark.parametrize("lab", ["ray"], indirect=True)
def test_a_long_node_goes_on_from_what_it_saved(lab, tmp_path):
    diary = tmp_path / "diary"
    job = lab.run({"long": {"type": "toy_steps", "params": {"steps": 6, "diary": str(diary), "die_after": 3}}})
    assert (job.state, job.nodes["long"].attempt) == ("succeeded", 2)
    assert diary.read_text().splitlines() == [f"step {n}" for n in range(6)]
    assert job.outputs["long"]["value"] == 2
    assert job.nodes["long"].checkpoint is None

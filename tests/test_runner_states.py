"""Random graphs, failures, retries, cancels, pauses and deaths of the runner, against a model of what must be true.

The pool is a real one as far as the runner can tell, except that the test decides when and how each call ends.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import Field

from spinbot.actors.call import Answer, Call, Hear
from spinbot.actors.host import CallContext
from spinbot.config import HostGroup, Settings
from spinbot.errors import CancelledError, HostLostError, InputError, NodeTimeoutError, SpinbotError
from spinbot.graphs.node import Node, Ports, node
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from spinbot.store.node_runs import DONE
from tests.lab import CheckedRunner, link
from tests.toys import Number

ATTEMPTS = 2  # of a node that times out; a host may be lost HOST_ATTEMPTS times


@node("toy_mix")
class ToyMix(Node):
    """Mix a value with others."""

    value: int
    numbers: list[Number] = Field(default=[])

    class Outputs(Ports):
        """What came out."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        return self.Outputs(number=Number(value=mix(self.value, [number.value for number in self.numbers])))


def mix(value: int, numbers: list[int]) -> int:
    return hash((value, tuple(numbers))) % 1_000_003


class HeldPool:
    """A pool whose calls end when and how the test says."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[Call, asyncio.Future[Answer]]] = {}

    def capacity(self, group: str) -> int:
        return 1000

    async def run(self, group: str, calls: Sequence[Call], hear: Hear) -> None:
        async def answered(call: Call) -> None:
            ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self.calls[call.id] = call, ended
            answer = await ended
            del self.calls[call.id]
            hear(call.id, answer)

        together = [asyncio.ensure_future(answered(call)) for call in calls]
        try:
            await asyncio.gather(*together)
        finally:  # the process of one is the process of all
            for task in together:
                task.cancel()
            for call in calls:
                self.calls.pop(call.id, None)

    async def cancel(self, call_id: str, grace_s: float) -> None:
        if call_id in self.calls:
            self.end(call_id, CancelledError("cancelled"))

    async def preload(self, *_: Any) -> None:
        return

    def end(self, call_id: str, error: SpinbotError | None = None) -> None:
        call, ended = self.calls[call_id]
        if isinstance(error, HostLostError):
            ended.set_exception(error)
        elif not ended.done():
            now = time.time()
            result = None if error else {"outputs": call.payload.run(None).model_dump()}
            failed = error.to_dict() if error else None
            ended.set_result(Answer(call.id, result, failed, [], "held", now, now, []))


@dataclass
class Expected:
    """The model's view of one job: what each node needs, what its answer must be, and how the job stands."""

    needs: dict[str, list[str]]
    answers: dict[str, int]
    state: str = "running"
    done: set[str] = field(default_factory=set)


class RunnerStates(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="states"))
        self.settings = Settings(home=self.home, hosts={"media": HostGroup()}, lease_s=1e-6)
        self.loop = asyncio.new_event_loop()
        self.database = connect(self.settings.database)
        self.jobs = JobStore(self.database)
        self.model: dict[str, Expected] = {}
        self.known: set[int] = set()  # answers that are stored: nobody may compute them again
        self.tries: dict[str, int] = {}
        self.start()

    def start(self) -> None:
        self.pool = HeldPool()
        self.runner = CheckedRunner(
            jobs=self.jobs,
            artifacts=LocalArtifacts(self.settings.artifacts_dir),
            pool=self.pool,  # type: ignore[arg-type]
            settings=self.settings,
            weights=lambda slot, engine: "",
        )
        self.tasks = {}
        for job, expected in self.model.items():
            if expected.state == "running":
                self.tasks[job] = self.loop.create_task(self.runner.run(job))

    def settle(self) -> None:
        """Run everything that can run, and note what is stored."""

        async def idle() -> None:
            for _ in range(60):
                await asyncio.sleep(0)

        self.loop.run_until_complete(idle())
        for task in self.tasks.values():
            if task.done() and not task.cancelled():
                task.result()
        for job, expected in self.model.items():
            runs = self.jobs.get(job).nodes
            expected.done = {name for name, run in runs.items() if run.state in DONE}
            self.known |= {expected.answers[name] for name in expected.done}
            if expected.state == "running" and expected.done == expected.needs.keys():
                expected.state = "succeeded"

    # What may happen

    @rule(shape=st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 4), max_size=2)), min_size=1, max_size=5))
    def submit(self, shape: list[tuple[int, set[int]]]) -> None:
        expected, nodes = Expected({}, {}), {}
        for n, (value, before) in enumerate(shape):
            needs = [f"n{other}" for other in sorted(before) if other < n]
            nodes[f"n{n}"] = {
                "type": "toy_mix",
                "params": {"value": value},
                "inputs": {"numbers": [link(other) for other in needs]},
                "retry": {"attempts": ATTEMPTS, "backoff_s": 0},
            }
            expected.needs[f"n{n}"] = needs
            expected.answers[f"n{n}"] = mix(value, [expected.answers[other] for other in needs])
        outputs = {name: link(name) for name in nodes}
        job = self.runner.submit({"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": outputs})
        self.model[job] = expected
        self.tasks[job] = self.loop.create_task(self.runner.run(job))
        self.settle()

    @precondition(lambda self: self.pool.calls)
    @rule(data=st.data(), how=st.sampled_from(["answer", "answer", "answer", "bad input", "too slow", "host lost"]))
    def end_a_call(self, data: st.DataObject, how: str) -> None:
        order = list(self.model)
        calls = sorted(self.pool.calls, key=lambda call: (order.index(call.split("/")[0]), call.split("/")[1]))
        call = calls[data.draw(st.integers(0, len(calls) - 1))]  # ids are random: a place in the order is not
        job, name, _ = call.split("/")
        errors = {
            "bad input": InputError("no"),
            "too slow": NodeTimeoutError("late"),
            "host lost": HostLostError("gone"),
        }
        self.pool.end(call, errors.get(how))
        self.settle()
        if how == "bad input" or (how != "answer" and self.jobs.get(job).nodes[name].state == "failed"):
            assert how == "bad input" or self.jobs.get(job).nodes[name].attempt >= ATTEMPTS
            if self.model[job].state == "running":
                self.model[job].state = "failed"
            self.settle()

    @precondition(lambda self: self.model)
    @rule(data=st.data(), wish=st.sampled_from(["cancel", "pause"]))
    def ask(self, data: st.DataObject, wish: Any) -> None:
        job = list(self.model)[data.draw(st.integers(0, len(self.model) - 1))]
        expected = self.model[job]
        if expected.state != "running":
            return
        busy = [call for call in self.pool.calls if call.startswith(f"{job}/")]
        self.loop.call_soon(self.runner.ask, job, wish)
        if wish == "pause":  # those that run come to their end first
            self.settle()
            for call in busy:
                self.pool.end(call)
        self.settle()
        if expected.state == "running":
            expected.state = {"cancel": "cancelled", "pause": "paused"}[wish]

    @precondition(lambda self: any(e.state in ("failed", "cancelled", "paused") for e in self.model.values()))
    @rule(data=st.data())
    def try_again(self, data: st.DataObject) -> None:
        stopped = [job for job, e in self.model.items() if e.state in ("failed", "cancelled", "paused")]
        job = stopped[data.draw(st.integers(0, len(stopped) - 1))]
        self.jobs.reopen(job)
        self.model[job].state = "running"
        self.tasks[job] = self.loop.create_task(self.runner.run(job))
        self.settle()

    @rule()
    def the_runner_dies(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.settle()
        self.start()
        self.settle()

    # What must be true

    @invariant()
    def numbers_have_no_gap(self) -> None:
        for job in self.model:
            assert [event.seq for event in self.jobs.events(job)] == list(range(1, self.jobs.get(job).events + 1))

    @invariant()
    def jobs_stand_as_expected(self) -> None:
        for job, expected in self.model.items():
            found = self.jobs.get(job)
            assert found.state == expected.state, (
                found.state,
                expected.state,
                {n: r.state for n, r in found.nodes.items()},
            )
            for name in expected.done:
                assert found.nodes[name].outputs == {"number": {"value": expected.answers[name]}}
                assert expected.done >= set(expected.needs[name])

    @invariant()
    def nothing_is_computed_twice(self) -> None:
        running = [call.payload.run(None).number.value for call, _ in self.pool.calls.values()]
        assert len(running) == len(set(running))
        assert not self.known & set(running)

    @invariant()
    def what_can_run_runs_and_nothing_else(self) -> None:
        running = {tuple(call.split("/")[:2]) for call in self.pool.calls}
        computed = {self.model[job].answers[name] for job, name in running}
        for job, expected in self.model.items():
            for name, run in self.jobs.get(job).nodes.items():
                assert (run.state == "running") == ((job, name) in running)
                ready = expected.state == "running" and name not in expected.done
                if ready and expected.done >= set(expected.needs[name]):
                    assert expected.answers[name] in computed

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()
            self.database.dispose()
            shutil.rmtree(self.home)


TestRunnerStates = RunnerStates.TestCase
TestRunnerStates.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)

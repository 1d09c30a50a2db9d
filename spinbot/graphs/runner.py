"""Runs jobs: starts each node as soon as what it needs is done, on the host group that serves its slots.

Asyncio only; knows neither Ray nor HTTP nor models. Every change of state is in the store before anyone hears of it,
and nothing that matters lives in this object: a job whose runner died is run again from its stored nodes, and those
that are done are not repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from spinbot.actors.call import (
    Call,
    Failed,
    Finished,
    Message,
    ModelEvicted,
    ModelLoaded,
    ModelLoading,
    Noted,
    Progressed,
)
from spinbot.actors.host import load_engines
from spinbot.actors.pool import Pool, group_for
from spinbot.config import Settings
from spinbot.errors import CancelledError, HostLostError, NodeError, SpinbotError
from spinbot.graphs.check import parse
from spinbot.graphs.execute import node_key, run_node
from spinbot.graphs.graph import Graph
from spinbot.graphs.node import NODES, Node
from spinbot.store.artifacts import LocalArtifacts, artifact_ids
from spinbot.store.jobs import DONE, ENDED, Job, JobStore

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.2  # 5 progress events a second and node: smooth to look at, some 20 rows for a 4 s node
HOST_ATTEMPTS = 3  # a host that died three times under the same node will die a fourth time

Weights = Callable[[str, str], str]
"""`weights(slot, engine)`: digest of the engine's weights."""


class Runner:
    """Admits and runs jobs. One event loop; any number of jobs at once."""

    def __init__(
        self, *, jobs: JobStore, artifacts: LocalArtifacts, pool: Pool, settings: Settings, weights: Weights
    ) -> None:
        self.jobs = jobs
        self.artifacts = artifacts
        self.pool = pool
        self.settings = settings
        self.weights = weights
        self._running: dict[str, _JobRun] = {}

    def submit(self, document: Any) -> str:
        """Check a graph document and store it as a queued job. Raises `GraphError`. Returns the job's id."""
        graph = parse(document, artifacts=self.artifacts, settings=self.settings)
        return self.jobs.create(graph.name, graph.to_json())

    async def run(self, job: str) -> Job:
        """Run a stored job to its end and return it. A job that has ended already is returned as it is."""
        stored = self.jobs.get(job)
        if stored.state in ENDED:
            return stored
        run = _JobRun(self, stored)
        self._running[job] = run
        try:
            await run.drive()
        finally:
            del self._running[job]
        return self.jobs.get(job)

    async def cancel(self, job: str) -> None:
        """Stop a running job at its nodes' next steps; `run` then returns it as cancelled."""
        if run := self._running.get(job):
            await run.cancel()


class _JobRun:
    """One job while it runs."""

    def __init__(self, runner: Runner, job: Job) -> None:
        self.runner = runner
        self.jobs = runner.jobs
        self.id = job.id
        self.graph = Graph.model_validate(job.graph)
        self.attempts = {name: run.attempt for name, run in job.nodes.items()}
        self.outputs: dict[str, dict[str, Any]] = {
            name: run.outputs for name, run in job.nodes.items() if run.state in DONE and run.outputs is not None
        }
        self.calls: dict[str, tuple[str, str]] = {}  # node -> (group, call id) while it is on a host
        self.cancelled = asyncio.Event()
        self.preloads: list[asyncio.Task[None]] = []

    async def drive(self) -> None:
        """Run every node that is not done; ends with the job in a final state."""
        self.jobs.set_job(self.id, "running")
        waiting = [name for name in self.graph.order() if name not in self.outputs]
        running: dict[asyncio.Task[None], str] = {}
        error: SpinbotError | None = None
        while error is None and (waiting or running):
            for name in [n for n in waiting if self.graph.nodes[n].needs() <= self.outputs.keys()]:
                waiting.remove(name)
                running[asyncio.create_task(self._node(name))] = name
            finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                del running[task]
                error = error or _failure(task)
        if error is not None:
            await self._stop_calls()
            await asyncio.gather(*running, return_exceptions=True)
            for name in waiting:
                self.jobs.set_node(self.id, name, "cancelled" if isinstance(error, CancelledError) else "skipped")
        for preload in self.preloads:
            preload.cancel()
        if error is None:
            outputs = {name: self.outputs[link.node][link.output] for name, link in self.graph.outputs.items()}
            self.jobs.set_job(self.id, "succeeded", outputs=outputs)
        elif isinstance(error, CancelledError):
            self.jobs.set_job(self.id, "cancelled", error=error.to_dict())
        else:
            self.jobs.set_job(self.id, "failed", error=error.to_dict())

    async def cancel(self) -> None:
        """Let no further node start and stop those that run."""
        self.cancelled.set()
        await self._stop_calls()

    async def _stop_calls(self) -> None:
        for group, call in list(self.calls.values()):
            with contextlib.suppress(HostLostError):  # what is gone needs no stopping
                await self.runner.pool.cancel(group, call)

    async def _node(self, name: str) -> None:
        """Run one node: from the cache, or on a host. Raises what it failed with, after storing it."""
        spec = self.graph.nodes[name]
        cls = NODES[spec.type]
        fields = dict(spec.params)
        fields |= {port: self.outputs[link.node][link.output] for port, link in spec.inputs.items()}
        engines = {slot: spec.engine.get(slot, self.runner.settings.engines[slot]) for slot in cls.slots}
        weights = {f"{slot}/{engine}": self.runner.weights(slot, engine) for slot, engine in engines.items()}
        described = cls.model_validate(fields)
        key = node_key(described, weights)
        try:
            self._raise_if_cancelled()
            if spec.cache == "use" and (known := self._remembered(key)) is not None:
                self.jobs.set_node(self.id, name, "cached", key=key, outputs=known, engines=weights)
                self.outputs[name] = known
                return
            outputs = await self._on_host(name, described, engines)
            self.jobs.set_node(
                self.id, name, "succeeded", key=None if spec.cache == "off" else key, outputs=outputs, engines=weights
            )
            self.outputs[name] = outputs
        except CancelledError as error:
            self.jobs.set_node(self.id, name, "cancelled", error=error.to_dict())
            raise
        except SpinbotError as error:
            self.jobs.set_node(self.id, name, "failed", error=error.to_dict())
            raise

    def _remembered(self, key: str) -> dict[str, Any] | None:
        """A stored result whose artifacts are all still there."""
        known = self.jobs.result(key)
        if known is None or any(artifact not in self.runner.artifacts for artifact in artifact_ids(known)):
            return None
        return known

    async def _on_host(self, name: str, described: Node, engines: dict[str, str]) -> dict[str, Any]:
        group = group_for(engines, self.runner.settings.hosts)
        self._preload_others(group)
        for attempt in range(1, HOST_ATTEMPTS + 1):
            self.attempts[name] += 1
            call = Call(f"{self.id}/{name}/{self.attempts[name]}", run_node, described, engines)
            self.jobs.set_node(self.id, name, "running", attempt=self.attempts[name])
            self.calls[name] = (group, call.id)
            try:
                return await self._follow(name, group, call)
            except HostLostError as error:
                if attempt == HOST_ATTEMPTS:
                    raise
                self.jobs.log(self.id, "log", name, {"message": f"{error.message}; trying again"})
            finally:
                del self.calls[name]
        raise AssertionError("unreachable")

    async def _follow(self, name: str, group: str, call: Call) -> dict[str, Any]:
        started = reported = time.monotonic()
        async for message in self.runner.pool.run(group, call):
            if isinstance(message, Finished):
                return message.result
            if isinstance(message, Failed):
                raise _with_tail(SpinbotError.from_dict(message.error), message.log_tail)
            now = time.monotonic()
            if isinstance(message, Progressed):
                if now - reported < PROGRESS_EVERY_S:
                    continue
                reported = now
                eta = (now - started) * (1 - message.fraction) / max(message.fraction, 0.01)
                data = {"fraction": round(message.fraction, 4), "message": message.message, "eta_s": round(eta, 1)}
                self.jobs.log(self.id, "node.progress", name, data)
            else:
                self._log_message(name, message)
        raise HostLostError(f"host {group!r} ended the call without an answer")

    def _raise_if_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise CancelledError("cancelled", hint="run it again to go on from the finished nodes")

    def _preload_others(self, busy: str) -> None:
        """Once something really runs, let the other hosts load meanwhile what later nodes will ask for."""
        if self.preloads:
            return
        wanted: dict[str, dict[str, str]] = defaultdict(dict)
        for name, spec in self.graph.nodes.items():
            slots = NODES[spec.type].slots
            if name not in self.outputs and slots and (group := group_for(slots, self.runner.settings.hosts)) != busy:
                wanted[group] |= {slot: spec.engine.get(slot, self.runner.settings.engines[slot]) for slot in slots}
        self.preloads = [asyncio.create_task(self._preload(group, engines)) for group, engines in wanted.items()]

    async def _preload(self, group: str, engines: dict[str, str]) -> None:
        call = Call(f"{self.id}/preload/{group}", load_engines, list(engines), engines)
        # What goes wrong here is said by the node that needs the engine, with the same words.
        with contextlib.suppress(HostLostError):
            async for message in self.runner.pool.run(group, call):
                if isinstance(message, ModelLoading | ModelLoaded | ModelEvicted):
                    self._log_message(None, message)

    def _log_message(self, node: str | None, message: Message) -> None:
        kinds: dict[type, str] = {
            Noted: "log",
            ModelLoading: "model.loading",
            ModelLoaded: "model.loaded",
            ModelEvicted: "model.evicted",
        }
        self.jobs.log(self.id, kinds[type(message)], node, dict(vars(message)))


def _failure(task: asyncio.Task[None]) -> SpinbotError | None:
    error = task.exception()
    if error is None or isinstance(error, SpinbotError):
        return error
    log.error("a node's task failed", exc_info=error)
    return NodeError(f"{type(error).__name__}: {error}", hint="this is a defect; the log has the traceback")


def _with_tail(error: SpinbotError, tail: list[str]) -> SpinbotError:
    if tail:
        error.details.append({"log_tail": tail})
    return error

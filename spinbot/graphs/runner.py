"""The runner: admits jobs, holds their leases and drives them, any number at once on one event loop.

Knows neither Ray nor HTTP nor models. Nothing that matters lives in this object: a job whose runner died is claimed by
the next one and goes on from its stored nodes; those that are done are not repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Callable, Container, Iterable
from functools import cache, partial
from typing import Any

from spinbot.actors.pool import Pool
from spinbot.config import Settings
from spinbot.errors import LeaseLostError, SpinbotError, StorageError
from spinbot.graphs.check import parse
from spinbot.graphs.graph import Graph
from spinbot.graphs.job_run import JobRun
from spinbot.graphs.lanes import Lanes
from spinbot.graphs.paces import Paces
from spinbot.graphs.shares import Limits, to_begin
from spinbot.graphs.twins import Twins
from spinbot.store.artifacts import Artifacts
from spinbot.store.jobs import ENDED, Event, Job, JobStore, Wish
from spinbot.store.ledger import Ledger
from spinbot.store.switches import QUEUE_PAUSED, Switches

log = logging.getLogger(__name__)

TICK_S = 0.25  # how soon a wish from another process is seen: a cancelled node must be gone within 2 s
SCAN_S = 1.0  # how soon a service finds jobs that nobody told it of

Weights = Callable[[str, str], str]
"""`weights(slot, engine)`: digest of the engine's weights."""

Listener = Callable[[Event], None]


def admit(
    document: Any,
    jobs: JobStore,
    artifacts: Container[str],
    settings: Settings,
    *,
    priority: int = 0,
    profile: str | None = None,
) -> str:
    """Check a graph document and store it as a queued job; answer the job's id. Raises `GraphError`, `StorageError`."""
    graph = parse(document, artifacts=artifacts, settings=settings)
    return jobs.create(graph.name, graph.to_json(), priority=priority, profile=profile)


class Runner:
    """Drives jobs."""

    def __init__(
        self, *, jobs: JobStore, artifacts: Artifacts, pool: Pool, settings: Settings, weights: Weights
    ) -> None:
        self.jobs = jobs
        self.artifacts = artifacts
        self.pool = pool
        self.settings = settings
        self.weights = cache(weights)  # installed weights do not change while a runner lives
        self.ledger = Ledger(jobs, settings.lease_s)
        self._switches = Switches(jobs.engine)
        self.lanes = Lanes(pool.capacity)
        self.paces = Paces()
        self.twins = Twins()
        self._entered: dict[str, tuple[Job, Graph]] = {}
        self._runs: dict[str, JobRun] = {}
        self._listeners: list[Listener] = []
        self._ticking: asyncio.TimerHandle | None = None
        self._renewed = 0.0
        self._woken = asyncio.Event()
        self._limits = Limits(settings.queue.jobs, settings.queue.jobs_of_owner)
        self._driving: dict[str, str] = {}
        self._drives: set[asyncio.Task[Job]] = set()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event from now on, after it is stored; the function returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def announce(self, events: Iterable[Event]) -> None:
        """Tell the listeners of stored events."""
        for event in events:
            for listener in list(self._listeners):
                listener(event)

    def submit(self, document: Any, *, priority: int = 0, profile: str | None = None) -> str:
        """Check a graph document and store it as a job that this runner is to `run`. Returns the job's id.

        No other runner takes it before the lease runs out or this process ends. Raises `GraphError`, `StorageError`.
        """
        graph = parse(document, artifacts=self.artifacts, settings=self.settings)
        job = self.ledger.enter(graph.name, graph.to_json(), priority=priority, profile=profile)
        self._entered[job.id] = job, graph
        if self._listeners:
            self.announce(self.jobs.events(job.id))
        return job.id

    async def run(self, job: str) -> Job:
        """Run a stored job until it ends or is paused, and return it.

        One that another runner has is waited for, and taken over should that one die. Raises `StorageError`; the job
        can be run again then.
        """
        while True:
            if run := self._claim(job):
                with contextlib.suppress(LeaseLostError):  # then another runner has it: wait for that one
                    await self._drive(run)
                if ended := run.ended():
                    return ended
                del run  # it has all nodes, and so has the job that is read now
            stored = self.ledger.read(job)
            if stored.state in ENDED or stored.state == "paused":
                return stored
            await asyncio.sleep(TICK_S)

    async def serve(self) -> None:
        """Run every job that is queued or whose runner died, for ever. While the queue is paused none is begun."""
        while True:
            self._woken.clear()
            try:
                paused = self._switches.get(QUEUE_PAUSED, False)  # one that is to be cancelled need not wait
                for job in to_begin(self.ledger.claimable(wished=paused), self._driving, self._limits):
                    self._driving[job.id] = job.owner
                    task = asyncio.create_task(self.run(job.id))
                    self._drives.add(task)
                    task.add_done_callback(partial(self._driven, job.id))
            except StorageError as error:  # without its ledger the runner starts nothing
                log.warning("%s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SCAN_S):
                    await self._woken.wait()

    def wake(self) -> None:
        """Look for queued jobs now."""
        self._woken.set()

    def ask(self, job: str, wish: Wish) -> None:
        """Pause or cancel a job, whoever runs it. Raises `InputError` for one that has ended."""
        self.jobs.ask(job, wish)
        if run := self._runs.get(job):
            run.obey(wish)

    def _claim(self, job: str) -> JobRun | None:
        if entered := self._entered.pop(job, None):
            return JobRun(self, *entered)
        claimed = self.ledger.claim(job)
        return JobRun(self, claimed, Graph.model_validate(claimed.graph)) if claimed else None

    async def _drive(self, run: JobRun) -> None:
        _spare_what_is_loaded()
        self._runs[run.id] = run
        if self._ticking is None:
            self._renewed = time.monotonic()
            self._tick_later()
        try:
            await run.drive()
        finally:
            del self._runs[run.id]
            if not self._runs and self._ticking:
                self._ticking.cancel()
                self._ticking = None

    def _tick_later(self) -> None:
        self._ticking = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        """While jobs run: renew their leases, see what users want of them, look after nodes that run elsewhere."""
        self._tick_later()
        try:
            if time.monotonic() - self._renewed >= self.settings.lease_s / 3:
                self._renewed = time.monotonic()
                self.ledger.renew(self._runs)
            for asked in self.ledger.asked(self._runs):
                run = self._runs[asked.job]
                run.prioritise(asked.priority)
                if asked.wish:
                    run.obey(asked.wish)
        except StorageError as error:  # the lease runs out if it stays so, and the next write says it
            log.warning("%s", error)
        for run in self._runs.values():
            run.look_again()

    def _driven(self, job: str, task: asyncio.Task[Job]) -> None:
        del self._driving[job]
        self._drives.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # Its lease runs out and it is claimed again: what the database refused now it may take then.
            log.error("job %s: %s", job, error, exc_info=None if isinstance(error, SpinbotError) else error)


@cache
def _spare_what_is_loaded() -> None:
    """What is loaded stays: a full collection, of which 1,000 nodes see one, need not look at it for some 0.08 s."""
    gc.freeze()

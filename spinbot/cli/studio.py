"""What the commands share: the stores, the runner, and running one job while showing how it goes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from rich.console import Console

from spinbot.actors.host import weights_digest
from spinbot.actors.pool import Pool
from spinbot.cli.display import JobDisplay, pull_with_progress
from spinbot.config import Settings
from spinbot.engines.registry import engine_class
from spinbot.errors import CancelledError, InputError, SpinbotError
from spinbot.graphs.node import NODES
from spinbot.graphs.nodes import register
from spinbot.graphs.runner import Runner
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import Job, JobStore


class Studio:
    """The stores of one installation, and a pool that starts in the background when it is first asked for."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        register(self.settings)
        self.artifacts = LocalArtifacts(self.settings.artifacts_dir)
        self.models = ModelStore(self.settings.models_dir, load_catalogue())
        self.jobs = JobStore(connect(self.settings.database))
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The Ray pool; asking for it begins to start Ray, which takes some seconds, and does not wait."""
        if self._pool is None:
            from spinbot.actors.ray.pool import RayPool

            self._pool = RayPool(self.settings)
        return self._pool

    def engines_of(self, graph: dict[str, Any]) -> set[tuple[str, str]]:
        """Slot and name of every engine that a graph document uses."""
        return {
            (slot, spec.get("engine", {}).get(slot, self.settings.engines[slot]))
            for spec in graph["nodes"].values()
            if spec["type"] in NODES
            for slot in (*NODES[spec["type"]].slots, *NODES[spec["type"]].inner_slots)
        }

    def ensure_models(self, engines: Iterable[tuple[str, str]], console: Console) -> None:
        """Fetch the models that `engines` need and this machine lacks. Raises `ModelError`, `StorageError`."""
        needed = {name for slot, engine in engines for name in engine_class(slot, engine).requires}
        missing = sorted(name for name in needed if not self.models.installed(name))
        if missing:
            pull_with_progress(self.models, missing, console)

    def runner(self, pool: Pool | None = None) -> Runner:
        """A runner on the studio's pool, or on another."""
        return Runner(
            jobs=self.jobs,
            artifacts=self.artifacts,
            pool=pool or self.pool,
            settings=self.settings,
            weights=lambda slot, engine: weights_digest(self.models, slot, engine),
        )

    def run(self, graph: dict[str, Any], console: Console) -> Job:
        """Submit a graph, run it to its end with a live display, and answer the finished job.

        Ctrl-C cancels the job at its nodes' next steps. Raises the job's error, or `CancelledError`.
        """
        return succeeded(uvloop.run(self._run_graph(graph, console)))

    def run_job(self, job: str, console: Console) -> Job:
        """The same for a job that is stored already: it goes on from its finished nodes."""
        return succeeded(self.run_jobs([job], console)[0])

    def run_jobs(self, jobs: Sequence[str], console: Console) -> list[Job]:
        """Run stored jobs one after another and answer them as they ended, well or not.

        Ctrl-C cancels the one that runs; those behind it stay as they are and are not answered.
        """
        return uvloop.run(self._run_jobs(jobs, console))

    async def _run_graph(self, graph: dict[str, Any], console: Console) -> Job:
        async with self._running() as runner:
            finished, _ = await self._follow(runner, runner.submit(graph), console)
            return finished

    async def _run_jobs(self, jobs: Sequence[str], console: Console) -> list[Job]:
        ended = []
        async with self._running() as runner:
            for job in jobs:
                finished, interrupted = await self._follow(runner, job, console)
                ended.append(finished)
                if interrupted:
                    break
        return ended

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Runner]:
        try:
            yield self.runner()
        finally:
            await self.pool.close()
            self._pool = None

    async def _follow(self, runner: Runner, job: str, console: Console) -> tuple[Job, bool]:
        """The job as it ended, and whether Ctrl-C ended it."""
        with JobDisplay(self.jobs.get(job), console) as display:
            stop = runner.listen(display.hear)
            try:
                return await _until_interrupted(runner, job)
            finally:
                stop()


def succeeded(job: Job) -> Job:
    """The job itself where it succeeded; else raises its error."""
    if job.state == "succeeded":
        return job
    if job.error:
        raise SpinbotError.from_dict(job.error)
    raise SpinbotError(f"job {job.id} is {job.state}", hint=f"go on with: spinbot jobs resume {job.id}", code=job.state)


async def _until_interrupted(runner: Runner, job: str) -> tuple[Job, bool]:
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(runner.run(job))
    asked = False

    def interrupt() -> None:
        nonlocal asked
        if asked:  # the second Ctrl-C does not wait
            running.cancel()
        asked = True
        with contextlib.suppress(InputError):  # it has just ended
            runner.ask(job, "cancel")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await running, asked
    except asyncio.CancelledError:
        raise CancelledError("cancelled", hint=f"go on from the finished nodes: spinbot jobs resume {job}") from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

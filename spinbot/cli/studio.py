"""What the commands share: the stores, the runner, and running one job while showing how it goes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from spinbot.actors.host import weights_digest
from spinbot.actors.pool import Pool
from spinbot.cli.display import JobDisplay, pull_with_progress
from spinbot.config import Settings
from spinbot.engines.registry import engine_class
from spinbot.errors import CancelledError, SpinbotError
from spinbot.graphs.node import NODES
from spinbot.graphs.runner import Runner
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import Job, JobStore


class Studio:
    """The stores of one installation, and a pool that starts in the background when it is first asked for."""

    def __init__(self, settings: Settings | None = None) -> None:
        import spinbot.graphs.nodes  # noqa: F401  # registers the node types

        self.settings = settings or Settings()
        self.artifacts = LocalArtifacts(self.settings.artifacts_dir)
        self.models = ModelStore(self.settings.models_dir, load_catalogue())
        self.jobs = JobStore(connect(self.settings.database))
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The Ray pool; asking for it begins to start Ray, which takes some seconds, and does not wait."""
        if self._pool is None:
            from spinbot.actors.ray_pool import RayPool

            self._pool = RayPool(self.settings)
        return self._pool

    def engines_of(self, graph: dict[str, Any]) -> set[tuple[str, str]]:
        """Slot and name of every engine that a graph document uses."""
        return {
            (slot, spec.get("engine", {}).get(slot, self.settings.engines[slot]))
            for spec in graph["nodes"].values()
            if spec["type"] in NODES
            for slot in NODES[spec["type"]].slots
        }

    def ensure_models(self, engines: Iterable[tuple[str, str]], console: Console) -> None:
        """Fetch the models that `engines` need and this machine lacks. Raises `ModelError`, `StorageError`."""
        needed = {name for slot, engine in engines for name in engine_class(slot, engine).requires}
        missing = sorted(name for name in needed if not self.models.installed(name))
        if missing:
            pull_with_progress(self.models, missing, console)

    def runner(self) -> Runner:
        """A runner on the pool."""
        return Runner(
            jobs=self.jobs,
            artifacts=self.artifacts,
            pool=self.pool,
            settings=self.settings,
            weights=lambda slot, engine: weights_digest(self.models, slot, engine),
        )

    def run(self, graph: dict[str, Any], console: Console) -> Job:
        """Submit a graph, run it to its end with a live display, and answer the finished job.

        Ctrl-C cancels the job at its nodes' next steps. Raises the job's error, or `CancelledError`.
        """
        return asyncio.run(self._run(graph, console))

    async def _run(self, graph: dict[str, Any], console: Console) -> Job:
        runner = self.runner()
        try:
            job = runner.submit(graph)
            with JobDisplay(self.jobs, job, console):
                finished = await _until_cancelled(runner, job)
        finally:
            await self.pool.close()
            self._pool = None
        if finished.state != "succeeded":
            raise SpinbotError.from_dict(finished.error or {"message": f"job {job} is {finished.state}"})
        return finished


async def _until_cancelled(runner: Runner, job: str) -> Job:
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(runner.run(job))
    cancels: set[asyncio.Future[None]] = set()

    def interrupt() -> None:
        if cancels:  # the second Ctrl-C does not wait
            running.cancel()
        cancels.add(asyncio.ensure_future(runner.cancel(job)))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await running
    except asyncio.CancelledError:
        raise CancelledError("cancelled", hint="run it again to go on from the finished nodes") from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

"""What the API needs behind it: the stores, a feed of events, and somebody who runs the jobs.

The contract, and the twin that runs jobs in this very process: for tests and tools that need no cluster. The cluster's
is in cluster.py. The API itself knows neither Ray nor which of the two it has.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from starlette.types import ASGIApp

from spinbot.actors.host import weights_digest
from spinbot.actors.machine import Cluster, Meter, this_machine
from spinbot.actors.pool import local_pool
from spinbot.config import Settings
from spinbot.graphs.nodes import register
from spinbot.graphs.runner import Runner
from spinbot.models.store import ModelStore
from spinbot.planner.plan import Plan
from spinbot.serve.feed import Feed
from spinbot.serve.planner import Planner, plan_on
from spinbot.serve.watch import Fact
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from spinbot.store.open_artifacts import open_artifacts
from spinbot.store.s3 import S3Artifacts


class Backend(Protocol):
    """Behind the API."""

    settings: Settings
    jobs: JobStore
    artifacts: LocalArtifacts | S3Artifacts
    models: ModelStore
    feed: Feed

    events_url: str | None
    """Where this very process takes followers of events, past the proxy before it; None where there is no proxy."""

    async def start(self, app: ASGIApp) -> None:
        """Begin, on the running event loop; `app` is the application that it is behind."""
        ...

    async def stop(self) -> None:
        """End what `start` began."""
        ...

    async def wake(self) -> None:
        """A job was stored, or something was asked of one: whoever runs jobs may look now. Never fails."""
        ...

    async def tell(self, news: Sequence[Fact]) -> None:
        """Let every process that serves the API hear what was stored without a runner. Never fails."""
        ...

    async def trouble(self) -> str:
        """Why nobody runs jobs at the moment; empty where somebody does."""
        ...

    async def plan(self, prompt: str, portrait: str | None) -> Plan:
        """What to run for a prompt, see `Planner.plan`. Raises `InputError`, `GraphError`, `OutageError`."""
        ...

    async def hosts(self) -> dict[str, dict[str, Any]]:
        """What each live host says of itself, by name: group, machine, hardware, engines in memory with their bytes.

        One that does not answer in time says `{"error": why}`.
        """
        ...

    async def cluster(self) -> Cluster:
        """The machines, and what is in use of them. May wait for as long as the cluster's head does not answer."""
        ...


class Stores:
    """What both backends have: the stores of one installation and a feed."""

    def __init__(self, settings: Settings) -> None:
        register(settings)
        self.settings = settings
        self.engine = connect(settings.database)
        self.jobs = JobStore(self.engine)
        self.artifacts = open_artifacts(settings)
        self.models = ModelStore.of(settings)
        self.feed = Feed(self.jobs)
        self.meter = Meter()
        self.events_url: str | None = None


class LocalBackend(Stores):
    """Runs jobs in this process, with hosts as threads."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._pool = local_pool(settings)
        self.runner = Runner(
            jobs=self.jobs,
            artifacts=self.artifacts,
            pool=self._pool,
            settings=settings,
            weights=lambda slot, engine: weights_digest(self.models, slot, engine),
        )
        self._planner = Planner(settings, self.models, self.artifacts, partial(plan_on, self._pool))
        self._deaf: Callable[[], None] = lambda: None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, app: ASGIApp) -> None:
        """See `Backend.start`."""
        self._deaf = self.runner.listen(lambda event: self.feed.push([event]))
        self._serving = asyncio.create_task(self.runner.serve())

    async def stop(self) -> None:
        """See `Backend.stop`."""
        self._deaf()
        if self._serving:
            self._serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
        await self._pool.close()
        self.engine.dispose()

    async def wake(self) -> None:
        """See `Backend.wake`."""
        self.runner.wake()

    async def tell(self, news: Sequence[Fact]) -> None:
        """See `Backend.tell`."""
        self.feed.push(news)

    async def trouble(self) -> str:
        """See `Backend.trouble`."""
        return "" if self._serving and not self._serving.done() else "the runner has ended"

    async def plan(self, prompt: str, portrait: str | None) -> Plan:
        """See `Backend.plan`."""
        return await self._planner.plan(prompt, portrait)

    async def hosts(self) -> dict[str, dict[str, Any]]:
        """See `Backend.hosts`."""
        return await self._pool.describe()

    async def cluster(self) -> Cluster:
        """See `Backend.cluster`: the one machine that this process runs on."""
        return Cluster(machines=[this_machine(self.meter)])

"""The runner as a service: runs whatever is queued, on hosts anywhere in the cluster, until the cluster ends."""

from __future__ import annotations

import asyncio
from typing import Any

from spinbot.actors.host import weights_digest
from spinbot.actors.ray.depot import Depot, DepotActor
from spinbot.actors.ray.pool import ClusterPool
from spinbot.actors.ray.services import ensure, this_node
from spinbot.config import Settings
from spinbot.graphs.nodes import register
from spinbot.graphs.runner import Runner
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.serve.hub import Hub
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import Event, JobStore

PUBLISH_EVERY_S = 0.05


class RunnerService:
    """A `Runner` that serves for ever. Whoever starts it again after its death loses nothing but the moment."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Ray allows it: it needs the loop
        register(settings)
        self._settings = settings
        self._hub = ensure("hub", Hub)
        depot = Depot(ensure("depot", DepotActor, settings.artifacts_dir, concurrency=8), this_node())
        self._pool = ClusterPool(settings, depot)
        models = ModelStore(settings.models_dir, load_catalogue())
        self._runner = Runner(
            jobs=JobStore(connect(settings.database)),
            artifacts=LocalArtifacts(settings.artifacts_dir),
            pool=self._pool,
            settings=settings,
            weights=lambda slot, engine: weights_digest(models, slot, engine),
        )
        self._latest: dict[str, int] = {}
        self._runner.listen(self._note)
        self._serving: asyncio.Task[Any] = asyncio.create_task(self._serve())

    async def wake(self) -> None:
        """Look for queued jobs now rather than in a second."""
        if self._serving.done():  # it never ends by itself: say why to whoever asks
            self._serving.result()
        self._runner.wake()

    async def home(self) -> str:
        """The folder it works in."""
        return str(self._settings.root)

    async def _serve(self) -> None:
        await self._pool.take_in()
        await asyncio.gather(self._runner.serve(), self._publish())

    def _note(self, event: Event) -> None:
        self._latest[event.job] = event.seq

    async def _publish(self) -> None:
        while True:
            if self._latest:
                latest, self._latest = self._latest, {}
                self._hub.publish.remote(latest)
            await asyncio.sleep(PUBLISH_EVERY_S)

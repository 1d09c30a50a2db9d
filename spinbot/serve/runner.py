"""The runner as a service: runs whatever is queued, on hosts anywhere in the cluster, until the cluster ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from spinbot.actors.host import weights_digest
from spinbot.actors.ray.depot import Depot, DepotActor
from spinbot.actors.ray.pool import ClusterPool
from spinbot.actors.ray.services import ensure, this_node
from spinbot.config import Settings
from spinbot.errors import SpinbotError, StorageError
from spinbot.graphs.nodes import register
from spinbot.graphs.runner import Runner
from spinbot.models.store import ModelStore
from spinbot.planner.planner import PlanRequest
from spinbot.serve.hub import Hub
from spinbot.serve.hub_line import HubLine
from spinbot.serve.logs import log_event, log_to
from spinbot.serve.planner import packed, plan_on
from spinbot.serve.sweep import EVERY_S, sweep
from spinbot.serve.watch import Fact
from spinbot.serve.webhooks import Sender, secret_of
from spinbot.store.database import connect
from spinbot.store.jobs import Event, JobStore
from spinbot.store.open_artifacts import open_artifacts
from spinbot.store.prune import Cache
from spinbot.store.webhooks import Webhooks

CHORE_AGAIN_S = 10.0
LOOK_EVERY_S = 0.05  # a look for queued jobs takes some 2 ms
PUBLISH_EVERY_S = 0.005  # each frame wakes the hub and every replica: at most 200 a second, and none waits for long

log = logging.getLogger(__name__)


class RunnerService:
    """A `Runner` that serves for ever. Whoever starts it again after its death loses nothing but the moment."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc]  # Ray allows it: it needs the loop
        register(settings)
        log_to(settings.root, "runner")
        self._settings = settings
        depot = Depot(ensure("depot", DepotActor, settings.artifacts_dir, concurrency=8), this_node())
        self._pool = ClusterPool(settings, depot)
        jobs, artifacts = JobStore(connect(settings.database)), open_artifacts(settings, attempts=2)
        models = ModelStore.of(settings)
        self._runner = Runner(
            jobs=jobs,
            artifacts=artifacts,
            pool=self._pool,
            settings=settings,
            weights=lambda slot, engine: weights_digest(models, slot, engine),
        )
        self._line = HubLine(ensure("hub", Hub), Waking(self._runner))
        self._line.start()
        self._unpublished: list[Event] = []
        self._published = 0.0
        self._runner.listen(self._note)
        self._runner.listen(log_event)
        self._sender = Sender(Webhooks(jobs.engine), secret_of(settings.root), settings.webhook_hosts)
        self._cache = Cache(jobs, artifacts)
        self._serving: asyncio.Task[Any] = asyncio.create_task(self._serve())
        self._chores = [asyncio.create_task(self._again(chore)) for chore in (self._sender.serve, self._sweep)]

    async def wake(self) -> None:
        """Look for queued jobs now rather than in a second."""
        if self._serving.done():  # it never ends by itself: say why to whoever asks
            self._serving.result()
        self._runner.wake()

    async def home(self) -> str:
        """The folder it works in."""
        return str(self._settings.root)

    async def plan(self, request: PlanRequest) -> dict[str, Any]:
        """See `plan_on`; the answer is `packed`."""
        try:
            return packed(await plan_on(self._pool, request))
        except SpinbotError as error:
            return packed(error)

    async def hosts(self) -> dict[str, dict[str, Any]]:
        """See `Pool.describe`."""
        return await self._pool.describe()

    async def _serve(self) -> None:
        await self._pool.take_in()
        await self._runner.serve()

    async def _sweep(self) -> None:
        while True:
            await asyncio.to_thread(sweep, self._runner.jobs, self._cache, self._settings.queue)
            await asyncio.sleep(EVERY_S)

    async def _again(self, chore: Callable[[], Awaitable[None]]) -> None:
        """A chore that the database or the disk ended is begun again; no job waits for it."""
        while True:
            try:
                await chore()
            except StorageError as error:
                log.warning("%s", error)
                await asyncio.sleep(CHORE_AGAIN_S)

    def _note(self, event: Event) -> None:
        self._unpublished.append(event)
        if len(self._unpublished) == 1:
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), self._published + PUBLISH_EVERY_S), self._publish)

    def _publish(self) -> None:
        events, self._unpublished = self._unpublished, []
        self._published = asyncio.get_running_loop().time()
        self._line.say(events)


class Waking:
    """Lets the runner look for jobs when somebody else has stored something: a job, a wish. See `Listener`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._looks: asyncio.TimerHandle | None = None
        self._looked = 0.0

    def push(self, news: Sequence[Fact]) -> None:
        """See `Listener`."""
        if news and self._looks is None:
            loop = asyncio.get_running_loop()
            self._looks = loop.call_at(max(loop.time(), self._looked + LOOK_EVERY_S), self._look)

    def doubt(self) -> None:
        """See `Listener`."""
        self._runner.wake()

    def _look(self) -> None:
        self._looks, self._looked = None, asyncio.get_running_loop().time()
        self._runner.wake()

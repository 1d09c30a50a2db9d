"""Jobs on a cluster, from a command: stores a job, wakes the cluster's runner, follows what happens until the end.

To a command it is what a `Runner` in its own process is. The job goes on when the command ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from spinbot.actors.ray.services import GONE, ensure
from spinbot.actors.ray.session import RaySession
from spinbot.config import Settings
from spinbot.errors import InputError
from spinbot.graphs.runner import Listener, admit
from spinbot.serve.feed import Feed
from spinbot.serve.hub import Hub
from spinbot.serve.pump import Pump
from spinbot.serve.runner import RunnerService
from spinbot.store.artifacts import Artifacts
from spinbot.store.jobs import Job, JobStore, Wish

AGAIN_S = 1.0


class Cluster:
    """The services of the cluster at `settings.ray_address`, started where they do not run."""

    def __init__(self, settings: Settings, jobs: JobStore, artifacts: Artifacts) -> None:
        self._settings = settings
        self._jobs = jobs
        self._artifacts = artifacts
        self._session = RaySession(settings)
        self._listeners: list[Listener] = []

    def submit(self, document: Any, *, priority: int = 0, profile: str | None = None) -> str:
        """See `Runner.submit`."""
        return admit(document, self._jobs, self._artifacts, self._settings, priority=priority, profile=profile)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """See `Runner.listen`; only events of jobs that `run` follows are heard."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def ask(self, job: str, wish: Wish) -> None:
        """See `Runner.ask`."""
        self._jobs.ask(job, wish)

    async def run(self, job: str) -> Job:
        """Wake the runner and wait until the job has ended or is paused. Raises `InputError`, `StorageError`."""
        # From its latest submission on: a runner may have begun before anybody here could listen.
        queued = max(event.seq for event in self._jobs.events(job) if event.kind == "job.queued")
        await self.wake()
        feed = Feed(self._jobs)
        pump = Pump(ensure("hub", Hub), feed)
        pump.start()
        try:
            async for event in feed.follow(job, queued):
                for listener in self._listeners:
                    listener(event)
                if event.kind == "job.paused" and self._jobs.summary(job).events == event.seq:
                    break
        finally:
            await pump.stop()
        return self._jobs.get(job)

    async def wake(self) -> None:
        """See that a runner serves, and let it look for queued jobs. Raises `InputError` for one of another folder."""
        await self._session.ready()
        while True:
            try:
                runner = ensure("runner", RunnerService, self._settings)
                home = await runner.home.remote()
                if home != str(self._settings.root):
                    raise InputError(
                        f"the cluster's runner works in {home}, this command in {self._settings.root}",
                        hint=f"set SPINBOT_HOME={home}",
                        code="other_home",
                    )
                await runner.wake.remote()
                return
            except GONE:  # it died at this moment: Ray starts it again
                await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """Leave the cluster; what runs there goes on."""
        await self._session.close()

"""Jobs on a cluster, from a command: store a job, wake the runner, follow what happens until the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from spinbot.actors.ray.services import GONE, ensure
from spinbot.actors.ray.session import RaySession
from spinbot.config import Settings
from spinbot.errors import InputError
from spinbot.serve.hub import Hub
from spinbot.serve.runner import RunnerService
from spinbot.store.jobs import ENDED, Event, JobStore

LOOK_EVERY_S = 1.0  # at the database, whatever the hub says: it may have died with what it knew


class Cluster:
    """The services of the cluster at `settings.ray_address`, started where they do not run."""

    def __init__(self, settings: Settings, jobs: JobStore) -> None:
        self._settings = settings
        self._jobs = jobs
        self._session = RaySession(settings)

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
                await asyncio.sleep(LOOK_EVERY_S)

    async def follow(self, job: str, after: int = 0) -> AsyncIterator[Event]:
        """The job's events with numbers above `after`, as they are stored, until it has ended or is paused."""
        hub = ensure("hub", Hub)
        while True:
            for event in self._jobs.events(job, after):
                after = event.seq
                yield event
                state = event.kind.removeprefix("job.")
                if (state in ENDED or state == "paused") and self._jobs.get(job).events == event.seq:
                    return
            try:
                await hub.wait.remote({job: after}, LOOK_EVERY_S)
            except GONE:
                await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        """Leave the cluster; what runs there goes on."""
        await self._session.close()

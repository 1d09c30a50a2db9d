"""A host as a Ray actor, and the handle by which the pool uses it.

Ray places the process, counts its resources, starts it and ends it; calls go over a line of their own (actors/line).
A plain actor call takes 0.9 ms there and back (Ray 2.60) and brings nothing before it ends, so messages would have to
be asked for; on the line both take 0.1 ms, and a process that died is noticed at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError

from spinbot.actors.call import Call, Hear
from spinbot.actors.host import Host
from spinbot.actors.line.frames import Door
from spinbot.actors.line.host_end import HostEnd
from spinbot.actors.line.runner_end import RunnerEnd
from spinbot.actors.memory import return_large_blocks
from spinbot.actors.ray.depot import Depot, DepotArtifacts
from spinbot.actors.ray.services import this_node
from spinbot.config import HostGroup, Settings, cores
from spinbot.errors import HostLostError
from spinbot.store.artifacts import Artifacts
from spinbot.store.open_artifacts import open_artifacts, open_copies

LOST = (ActorDiedError, ActorUnavailableError, OutOfMemoryError)
THREADS = 2
"""Of Ray's, for what is asked of the process besides calls."""

_LOOPBACK = "127.0.0.1"


class HostActor:
    """`Host` at the end of a line.

    Ray sets OMP_NUM_THREADS to 1 for actors without CPUs, so it is set anew here (a runtime_env would do it too, but
    costs each actor 1.5 s, since Ray's waiting workers cannot be used then).
    """

    def __init__(self, group: HostGroup, settings: Settings, name: str, depot: Depot | None) -> None:
        # Read by libgomp when an engine first loads it, which is later than this. Threads that wait must sleep soon:
        # two hosts that spin on two cores run at a fraction of their speed. But not at once: a training step of the
        # starter model, thousands of small operations, takes 0.30 s then, and 0.13 s after 10,000 looks (0.1 ms).
        os.environ.update(OMP_NUM_THREADS=str(group.threads or cores()), GOMP_SPINCOUNT="10000")
        if group.nice:
            os.nice(group.nice)
        if not group.rests:  # training steps would be slower
            return_large_blocks()
        artifacts: Artifacts | None = None
        if depot is not None and ray.get_runtime_context().get_node_id() != depot.node:
            settings = settings.model_copy(update={"home": Settings().home})  # this machine's own folder
            artifacts = DepotArtifacts(open_copies(settings), depot)
        if settings.artifacts_url:
            artifacts = open_artifacts(settings)
        self._host = Host(group, settings, name=name, artifacts=artifacts)
        # Without a depot the runner is on this machine; else it may be on any that reaches Ray's own ports.
        self._end = HostEnd(self._host, _LOOPBACK if depot is None else ray.util.get_node_ip_address())

    def door(self) -> tuple[Door, list[str]]:
        """Where to call, and which engines are in memory."""
        return self._end.door, list(self._host.resident())

    def describe(self) -> dict[str, Any]:
        """See `Host.describe`."""
        return self._host.describe() | {"node": this_node()}


class RayHost:
    """The pool's handle of a `HostActor`."""

    def __init__(self, name: str, actor: Any) -> None:
        self.name = name
        self.machine = ""
        self._actor = actor
        self._line: asyncio.Future[RunnerEnd] | None = None
        self._engines: list[str] = []

    async def ready(self) -> None:
        """See `HostHandle.ready`."""
        await self._open()

    async def run(self, calls: Sequence[Call], hear: Hear) -> None:
        """See `HostHandle.run`."""
        line = await self._open()
        try:
            await line.run(calls, hear)
        except OSError as error:
            await self.kill()  # without a line it is of no use, should it live
            raise self._lost() from error

    async def greet(self) -> list[str]:
        """Take the place of a former runner, and answer which engines are in memory. Raises `HostLostError`."""
        await self._open()
        return self._engines

    def take_back(self, calls: Sequence[str]) -> None:
        """See `HostHandle.take_back`."""
        if self._line is not None and self._line.done() and not self._line.exception():
            self._line.result().take_back(calls)

    def hold(self, held: bool) -> None:
        """See `HostHandle.hold`."""
        if self._line is not None and self._line.done() and not self._line.exception():
            self._line.result().hold(held)

    async def cancel(self, call_id: str) -> None:
        """See `HostHandle.cancel`."""
        line = await self._open()
        try:
            line.stop(call_id)
        except OSError as error:
            raise self._lost() from error

    async def describe(self) -> dict[str, Any]:
        """See `HostHandle.describe`."""
        try:
            described: dict[str, Any] = await self._actor.describe.remote()
        except LOST as error:
            raise self._lost() from error
        return described

    async def kill(self) -> None:
        """See `HostHandle.kill`."""
        if ray.is_initialized():  # else it has ended with Ray
            ray.kill(self._actor)

    async def _open(self) -> RunnerEnd:
        """The line, once it stands; whoever asks first opens it. Raises `HostLostError`."""
        if self._line is None:
            self._line = asyncio.ensure_future(self._connect())
            self._line.add_done_callback(lambda line: line.cancelled() or line.exception())  # seen, if nobody waits now
        return await asyncio.shield(self._line)

    async def _connect(self) -> RunnerEnd:
        try:
            door, self._engines = await self._actor.door.remote()
            self.machine = door.address
            return await RunnerEnd.open(door)
        except LOST as error:
            raise self._lost() from error
        except OSError as error:
            await self.kill()
            raise self._lost() from error

    def _lost(self) -> HostLostError:
        return HostLostError(
            f"the process of host {self.name!r} died",
            hint="often out of memory: lower SPINBOT_HOSTS__<NAME>__MEMORY_GB or close other programs",
        )

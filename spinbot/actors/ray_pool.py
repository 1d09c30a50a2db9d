"""The pool on Ray: each host group is one actor. All Ray API calls of the product stand in this file.

Verified behaviour this rests on (Ray 2.60): a sync actor with concurrency groups answers the `control` lane while
`compute` is busy. Ray sets OMP_NUM_THREADS to 1 for actors without CPUs, so the actor sets it anew (a runtime_env
would do it too, but costs each actor 1.5 s, since Ray's waiting workers cannot be used then). `num_gpus=0` leaves
GPUs visible unless RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO is set. Queued calls cannot be cancelled through Ray, so the
host keeps its own flag.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError

from spinbot.actors.call import Call, Message
from spinbot.actors.host import Host
from spinbot.config import HostGroup, Settings, cores
from spinbot.errors import HostLostError, SpinbotError

NAMESPACE = "spinbot"


class HostActor:
    """`Host` with Ray's lanes: `compute` runs calls, `control` answers meanwhile."""

    def __init__(self, group: HostGroup, settings: Settings) -> None:
        # Read by libgomp when an engine first loads it, which is later than this. Threads that wait must sleep: two
        # hosts that spin on two cores run at a fraction of their speed.
        os.environ.update(OMP_NUM_THREADS=str(group.threads or cores()), OMP_WAIT_POLICY="PASSIVE")
        self._host = Host(group, settings)

    @ray.method(concurrency_group="compute")
    def run(self, call: Call) -> Iterator[Message]:
        """See `Host.run`."""
        yield from self._host.run(call)

    @ray.method(concurrency_group="control")
    def cancel(self, call_id: str) -> None:
        """See `Host.cancel`."""
        self._host.cancel(call_id)

    @ray.method(concurrency_group="control")
    def resident(self) -> dict[str, int]:
        """See `Host.resident`."""
        return self._host.resident()


class RayPool:
    """Host groups as Ray actors, on a private Ray of this process or on a cluster.

    Starting Ray takes 6 to 9 s, so it begins at once in the background; the first call waits for what is left of it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = ""
        self._actors: dict[str, Any] = {}
        self._starting: Future[None] = Future()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="ray-keeper", daemon=True)
        self._keeper.start()

    async def run(self, group: str, call: Call) -> AsyncIterator[Message]:
        """See `Pool.run`."""
        try:
            actor = await self._actor(group)
            async for reference in actor.run.options(num_returns="streaming").remote(call):
                yield await reference
        except (ActorDiedError, ActorUnavailableError) as error:
            raise HostLostError(
                f"the process of host {group!r} died",
                hint="often out of memory: lower SPINBOT_HOSTS__<NAME>__MEMORY_GB or close other programs",
            ) from error

    async def cancel(self, group: str, call_id: str) -> None:
        """See `Pool.cancel`."""
        try:
            await (await self._actor(group)).cancel.remote(call_id)
        except (ActorDiedError, ActorUnavailableError) as error:
            raise HostLostError(f"the process of host {group!r} died") from error

    async def resident(self, group: str) -> dict[str, int]:
        """See `Pool.resident`."""
        found: dict[str, int] = await (await self._actor(group)).resident.remote()
        return found

    async def close(self) -> None:
        """End the private Ray with every process it started; on a cluster, end this pool's actors."""
        self._ended.set()
        await asyncio.to_thread(self._keeper.join)

    async def _actor(self, name: str) -> Any:
        await asyncio.wrap_future(self._starting)
        return self._actors[name]

    def _keep(self) -> None:
        """Start Ray, wait, end Ray: one thread, since Linux kills Ray's processes with the thread that began them."""
        try:
            self._init_ray()
            for name, group in self._settings.hosts.items():
                actor = ray.remote(
                    num_cpus=0,
                    num_gpus=group.num_gpus,
                    max_restarts=-1,
                    concurrency_groups={"compute": group.lanes, "control": 4},
                )(HostActor)
                self._actors[name] = actor.remote(group, self._settings)
        except Exception as error:  # noqa: BLE001  # carried to whoever waits for the pool
            fault = SpinbotError(f"Ray did not start: {error}", hint="look at it with: spinbot doctor", code="no_ray")
            fault.__cause__ = error
            self._starting.set_exception(fault)
        else:
            self._starting.set_result(None)
            self._ended.wait()
        for actor in self._actors.values():
            ray.kill(actor)
        ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _init_ray(self) -> None:
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
        if self._settings.ray_address:
            ray.init(address=self._settings.ray_address, namespace=NAMESPACE, log_to_driver=False)
            return
        # Ray's sockets live below this folder and a socket's path may have 107 bytes only: keep it short.
        self._folder = tempfile.mkdtemp(prefix="spinbot-ray-", dir=_short_temp())
        ray.init(
            address="local",
            namespace=NAMESPACE,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=256 << 20,
            _temp_dir=self._folder,
        )


def _short_temp() -> str | None:
    default = tempfile.gettempdir()
    return default if len(default) <= 24 or not os.path.isdir("/tmp") else "/tmp"

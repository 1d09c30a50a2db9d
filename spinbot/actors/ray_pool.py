"""The pool on Ray: each host group is one actor. All Ray API calls of the product stand in this file.

Verified behaviour this rests on (Ray 2.60): a sync actor with concurrency groups answers the `control` lane while
`compute` is busy; Ray sets OMP_NUM_THREADS to 1 for actors without CPUs, so the thread count is passed by
runtime_env; `num_gpus=0` leaves GPUs visible unless RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO is set; queued calls cannot
be cancelled through Ray, so the host keeps its own flag.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError

from spinbot.actors.call import Call, Message
from spinbot.actors.host import Host
from spinbot.actors.pool import HostLostError
from spinbot.config import HostGroup, Settings, cores

NAMESPACE = "spinbot"


class HostActor:
    """`Host` with Ray's lanes: `compute` runs calls, `control` answers meanwhile."""

    def __init__(self, group: HostGroup, settings: Settings) -> None:
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
    """Host groups as Ray actors, started when first needed or all at once by `start`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._actors: dict[str, Any] = {}

    def start(self, groups: list[str]) -> None:
        """Begin to start the actors of `groups`; returns at once."""
        for group in groups:
            self._actor(group)

    async def run(self, group: str, call: Call) -> AsyncIterator[Message]:
        """See `Pool.run`."""
        try:
            async for reference in self._actor(group).run.options(num_returns="streaming").remote(call):
                yield await reference
        except (ActorDiedError, ActorUnavailableError) as error:
            raise HostLostError(
                f"the process of host {group!r} died",
                hint="often out of memory: lower SPINBOT_HOSTS__<NAME>__MEMORY_GB or close other programs",
            ) from error

    async def cancel(self, group: str, call_id: str) -> None:
        """See `Pool.cancel`."""
        await self._actor(group).cancel.remote(call_id)

    async def resident(self, group: str) -> dict[str, int]:
        """See `Pool.resident`."""
        found: dict[str, int] = await self._actor(group).resident.remote()
        return found

    async def close(self) -> None:
        """See `Pool.close`."""
        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()

    def _actor(self, name: str) -> Any:
        if name not in self._actors:
            group = self._settings.hosts[name]
            threads = str(group.threads or cores())
            remote = ray.remote(HostActor).options(
                num_cpus=0,
                num_gpus=group.num_gpus,
                max_restarts=-1,
                concurrency_groups={"compute": group.lanes, "control": 4},
                runtime_env={
                    "env_vars": {
                        "OMP_NUM_THREADS": threads,
                        # Threads that wait must sleep: two hosts that spin on two cores run at a fraction of
                        # their speed.
                        "OMP_WAIT_POLICY": "PASSIVE",
                        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
                    }
                },
            )
            self._actors[name] = remote.remote(group, self._settings)
        return self._actors[name]


class RaySession:
    """A Ray that lives as long as this object: a private one in this process, or a connection to a cluster."""

    def __init__(self, settings: Settings) -> None:
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        self._folder = ""
        if settings.ray_address:
            ray.init(address=settings.ray_address, namespace=NAMESPACE, log_to_driver=False)
            return
        # Ray's sockets live below this folder and a socket's path may have 107 bytes only: keep it short.
        self._folder = tempfile.mkdtemp(prefix="spinbot-ray-")
        ray.init(
            address="local",
            namespace=NAMESPACE,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=256 << 20,
            _temp_dir=self._folder,
        )

    def close(self) -> None:
        """End the private Ray with every process it started, or leave the cluster."""
        ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

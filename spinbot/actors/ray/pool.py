"""The pool on Ray: each host an actor, on this machine or on any of a cluster.

Hosts of a cluster outlive the runner: one that starts anew takes them in with their models, after telling them to
stop what the former one had asked for.
"""

from __future__ import annotations

import asyncio
from typing import Any

import ray

from spinbot import __version__
from spinbot.actors.pool import Pool
from spinbot.actors.ray.depot import Depot
from spinbot.actors.ray.host import THREADS, HostActor, RayHost
from spinbot.actors.ray.session import NAMESPACE, RaySession
from spinbot.config import HostGroup, Settings
from spinbot.errors import HostLostError

_PREFIX = "host/"

GREET_S = 15.0
"""How long a new runner waits for a host of a former one: loading takes a third of it, and one that waits for room in
the cluster may never answer."""


class RayPool(Pool):
    """Hosts as actors on a Ray of this process, which begins to start at once."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.hosts, self._start_host)
        self._settings = settings
        self._session = RaySession(settings)

    async def close(self) -> None:
        """End the hosts, and Ray."""
        await super().close()
        await self._session.close()

    async def _start_host(self, _: str, group: HostGroup, name: str) -> RayHost:
        await self._session.ready()
        return RayHost(name, _actor_class(group).remote(group, self._settings, name, None))


class ClusterPool(Pool):
    """Hosts as named actors of the cluster that this process is part of."""

    def __init__(self, settings: Settings, depot: Depot) -> None:
        super().__init__(settings.hosts, self._start_host)
        self._settings = settings
        self._depot = depot

    async def take_in(self) -> None:
        """Adopt the hosts that a former runner left; end those that do not answer or are of another version."""
        found = [entry for entry in ray.util.list_named_actors(all_namespaces=True) if entry["namespace"] == NAMESPACE]
        names = [entry["name"] for entry in found if entry["name"].startswith(_PREFIX)]
        await asyncio.gather(*(self._take_in(name) for name in names))

    async def _take_in(self, actor_name: str) -> None:
        _, version, group, name = actor_name.split("/")
        try:
            actor = ray.get_actor(actor_name, namespace=NAMESPACE)
            if version == __version__ and group in self._settings.hosts:
                host = RayHost(name, actor)
                async with asyncio.timeout(GREET_S):
                    self.adopt(group, name, host, await host.greet())
            else:
                ray.kill(actor)
        except TimeoutError:
            ray.kill(actor)
        except (HostLostError, ValueError):  # it died while we looked
            return

    async def _start_host(self, group_name: str, group: HostGroup, name: str) -> RayHost:
        unique = f"{name}-{ray.get_runtime_context().get_actor_id()[:6]}-{id(self) & 0xFFFF:x}"
        options = {
            "name": f"{_PREFIX}{__version__}/{group_name}/{unique}",
            "namespace": NAMESPACE,
            "lifetime": "detached",
            "scheduling_strategy": "SPREAD",
        }
        actor = _actor_class(group).options(**options).remote(group, self._settings, unique, self._depot)
        return RayHost(unique, actor)


def _actor_class(group: HostGroup) -> Any:
    return ray.remote(
        num_cpus=group.num_cpus,
        num_gpus=group.num_gpus,
        resources=group.resources or None,
        max_restarts=0,  # the pool starts another, where there is room then
        max_concurrency=THREADS,
    )(HostActor)

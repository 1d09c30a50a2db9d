"""Services on Ray: detached actors with a name, of which a cluster has one each, started by whoever needs them first.

They are pinned to the head, where the job database and the artifacts are. A name carries the program's version: a
detached actor outlives the code that made it, and would go on running the old one.
"""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import RayActorError

from spinbot import __version__
from spinbot.actors.ray.session import NAMESPACE

GONE = (RayActorError,)
"""What a call raises whose service died, or is being started again."""

_HEAD = {"node:__internal_head__": 0.001}


def ensure(name: str, service: type[Any], *arguments: Any, concurrency: int = 1000) -> Any:
    """The actor handle of the service called `name`; starts it where there is none."""
    actor = ray.remote(num_cpus=0, resources=_HEAD, max_restarts=-1, max_task_retries=-1)(service)
    options = {"name": f"{name}-{__version__}", "namespace": NAMESPACE, "lifetime": "detached"}
    return actor.options(**options, get_if_exists=True, max_concurrency=concurrency).remote(*arguments)


def this_node() -> str:
    """Id of the Ray node that this process runs on."""
    node: str = ray.get_runtime_context().get_node_id()
    return node


def node_address() -> str:
    """The address by which other machines of the cluster reach this one."""
    address: str = ray.util.get_node_ip_address()
    return address

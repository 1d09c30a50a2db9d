"""The machines of a Ray cluster, as Ray counts them: what each has, and what is reserved of it."""

from __future__ import annotations

import socket
from typing import Any

import ray
from ray._private import worker
from ray._private.state import available_resources_per_node
from ray.exceptions import RayError

from spinbot.actors.machine import Machine, Usage
from spinbot.errors import OutageError

CONNECT_S = 0.5


def ray_machines() -> dict[str, Machine]:
    """Every machine by the id of its Ray node. One that died is left out where another of its name lives.

    Asks the cluster's head, and waits while that does not answer. Raises `OutageError`.
    """
    try:
        free, nodes = available_resources_per_node(), ray.nodes()
    except RayError as error:
        raise OutageError(f"Ray does not say which machines there are: {error}", code="no_machines") from error
    living = {node["NodeManagerHostname"] for node in nodes if node["Alive"]}
    return {
        node["NodeID"]: _machine(node, free.get(node["NodeID"], {}))
        for node in nodes
        if node["Alive"] or node["NodeManagerHostname"] not in living
    }


def dashboard() -> str | None:
    """The URL of the dashboard of a cluster that was joined; None where nobody listens there.

    Ray names one even where it started none (2.60), so it is asked for a connection.
    """
    node = worker._global_node
    url = node.webui_url if node is not None else None
    if not url:
        return None
    host, _, port = url.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError:
        return None
    return f"http://{url}"


def _machine(node: dict[str, Any], free: dict[str, float]) -> Machine:
    has = node["Resources"]

    def usage(resource: str) -> Usage:
        total = has.get(resource, 0.0)
        used = round(total - free.get(resource, 0.0), 4) if node["Alive"] else None
        return Usage(total=total, used=used)

    return Machine(
        name=node["NodeManagerHostname"],
        address=node["NodeManagerAddress"],
        alive=node["Alive"],
        measured=False,
        cpus=usage("CPU"),
        gpus=usage("GPU"),
        memory=usage("memory"),
        object_store=usage("object_store_memory"),
    )

"""What the kill tests run in processes of their own. The last line printed is the answer, as JSON.

embedded                run every job that is queued or was interrupted, on a private Ray
wake                    see that the cluster's services run and look for jobs
pids                    process ids of services and hosts, by name
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from spinbot.config import HostGroup, Settings
from spinbot.graphs.nodes import register


def settings() -> Settings:
    """The environment's; with toys, their engines."""
    found = Settings()
    if "tests.toy_work" in found.plugins:
        import tests.toys as toys

        found = found.model_copy(
            update={
                "engines": {"script": toys.TOY, "asr": toys.BROKEN},
                "hosts": {"language": HostGroup(slots=["script", "asr"]), "media": HostGroup(processes=2)},
            }
        )
    register(found)
    return found


async def embedded() -> None:
    from spinbot.cli.studio import Studio

    studio = Studio(settings())
    runner = studio.runner()
    jobs = [job.id for job in studio.jobs.recent(1000, ["queued", "running"])]
    print(json.dumps({"running": True}), flush=True)
    ended = await asyncio.gather(*(runner.run(job) for job in jobs))
    await studio.pool.close()
    print(json.dumps([job.state for job in ended]), flush=True)


async def wake() -> None:
    from spinbot.cli.studio import Studio
    from spinbot.serve.cluster import Cluster

    studio = Studio(settings())
    await Cluster(studio.settings, studio.jobs, studio.artifacts).wake()
    print(json.dumps("awake"), flush=True)


async def ask_actors(question: Callable[[], Any]) -> dict[str, Any]:
    """The answer of each service and host that runs, by the name of its actor."""
    import ray
    from ray.exceptions import RayActorError

    from spinbot.actors.ray.session import RaySession

    await RaySession(settings()).ready()
    asked = {}
    for entry in ray.util.list_named_actors(all_namespaces=True):
        with contextlib.suppress(ValueError):  # it has just ended
            actor = ray.get_actor(entry["name"], namespace=entry["namespace"])
            asked[actor.__ray_call__.remote(lambda self: question())] = entry["name"]
    # One that waits for room in the cluster has no process that could answer.
    ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=15)
    found = {}
    for ref in ready:
        with contextlib.suppress(RayActorError):
            found[asked[ref]] = ray.get(ref)
    return found


async def pids() -> None:
    print(json.dumps(await ask_actors(os.getpid)), flush=True)


async def machines() -> None:
    from spinbot.actors.ray.services import this_node

    found = await ask_actors(this_node)
    print(
        json.dumps({name.split("/")[-1]: node for name, node in found.items() if name.startswith("host/")}), flush=True
    )


if __name__ == "__main__":
    asyncio.run({"embedded": embedded, "wake": wake, "pids": pids, "machines": machines}[sys.argv[1]]())

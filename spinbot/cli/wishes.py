"""Pausing and cancelling a job from another process: ask who runs it and wait, or do it here where nobody does."""

from __future__ import annotations

import asyncio

from rich.console import Console

from spinbot.actors.pool import HostHandle, Pool
from spinbot.cli.studio import Studio
from spinbot.config import HostGroup, Settings
from spinbot.errors import HostLostError
from spinbot.store.jobs import Job, Wish

LOOK_EVERY_S = 0.25


def carry_out(studio: Studio, job: str, wish: Wish, console: Console) -> Job:
    """See a wish through and return the job as it then is; `console` hears what is waited for.

    Raises `InputError` for a job that has ended, `NotFoundError`.
    """
    if wish == "cancel" and studio.jobs.get(job).state == "paused":
        studio.jobs.reopen(job)  # a runner takes up queued jobs only
    studio.jobs.ask(job, wish)
    return asyncio.run(_carried_out(studio, job, wish, console))


def no_pool(settings: Settings) -> Pool:
    """A pool without room for any call: its runner obeys wishes and starts nothing."""

    async def start(_group: str, _settings: HostGroup, host: str) -> HostHandle:
        raise HostLostError(f"host {host} may not start: this pool has no room")

    empty = {name: group.model_copy(update={"processes": 0}) for name, group in settings.hosts.items()}
    return Pool(empty, start)


async def _carried_out(studio: Studio, job: str, wish: Wish, console: Console) -> Job:
    """`Runner.run` waits for a job that another process runs, and takes over should that one die meanwhile."""
    ending = asyncio.ensure_future(studio.runner(no_pool(studio.settings)).run(job))
    told: set[str] = set()
    while not ending.done():
        await asyncio.wait([ending], timeout=LOOK_EVERY_S)
        stored = studio.jobs.get(job)
        for name, run in stored.nodes.items():
            if stored.wish == wish and run.state == "running" and name not in told:
                told.add(name)
                console.print(f"waiting for node {name} to {'end' if wish == 'pause' else 'stop'}")
    return ending.result()

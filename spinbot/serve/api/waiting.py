"""Requests that are answered with a job's result: run it, wait, and stop it when the client goes away."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import Request

from spinbot.errors import CancelledError, InputError, SpinbotError
from spinbot.serve.api.schemas import JobRequest
from spinbot.serve.api.service import Service
from spinbot.serve.api.submit import submit
from spinbot.store.jobs import ENDED, Job
from spinbot.store.keys import Identity


async def run(api: Service, graph: dict[str, object], request: Request, caller: Identity) -> Job:
    """The job of a graph, once it has succeeded. Raises its error; `InputError`, `GraphError` before it is stored."""
    job = (await submit(api, JobRequest(graph=graph), caller)).id
    ending = asyncio.ensure_future(_ended(api, job))
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({ending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            raise CancelledError("the client has gone")
        ending.result()
    finally:
        for task in (ending, leaving):
            task.cancel()
        await asyncio.gather(ending, leaving, return_exceptions=True)
        await stop(api, job)
    return await result(api, job)


async def result(api: Service, job: str) -> Job:
    """A job that has ended. Raises its error where it did not succeed."""
    ended = await asyncio.to_thread(api.jobs.get, job)
    if ended.state != "succeeded":
        raise SpinbotError.from_dict(ended.error or CancelledError("the job was cancelled").to_dict())
    return ended


async def stop(api: Service, job: str) -> None:
    """See that nobody works on a job that nobody waits for."""
    if (await asyncio.to_thread(api.jobs.summary, job)).state not in ENDED:
        with contextlib.suppress(InputError):  # it has just ended
            await asyncio.to_thread(api.jobs.ask, job, "cancel")
        await api.backend.wake()


async def _ended(api: Service, job: str) -> None:
    async for _ in api.feed.batches(job):
        pass


async def _left(request: Request) -> None:
    """Returns when the client closes the connection; its body has been read by now."""
    while (await request.receive())["type"] != "http.disconnect":
        pass

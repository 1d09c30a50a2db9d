"""Events of a job over HTTP: a stream (server-sent events) or a long poll, both from the one log of the job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, TypeVar

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from spinbot.errors import InputError
from spinbot.serve.api.access import Reader
from spinbot.serve.api.jobs import JobId
from spinbot.serve.api.schemas import EventPage
from spinbot.serve.api.service import Api, Service
from spinbot.serve.api.sse import BEGIN, EVENT, HEADERS, PING, PING_S, STREAM, streamed
from spinbot.store.jobs import ENDED, Event

router = APIRouter(prefix="/v1", tags=["events"])

MOST_IN_A_PAGE = 1000
T = TypeVar("T")


@router.get(
    "/jobs/{job}/events",
    response_model=EventPage,
    responses={
        200: {"content": streamed(EVENT)},
        204: {"description": "The job has ended and there is nothing after that number: a stream need not try again"},
    },
)
async def job_events(
    job: JobId,
    request: Request,
    api: Api,
    caller: Reader,
    after: Annotated[int | None, Query(ge=0, le=2**31, description="Only events behind this number")] = None,
    wait: Annotated[float, Query(ge=0, le=60, description="Long poll: seconds to wait for the first event")] = 0,
    last_event_id: Annotated[
        str | None, Header(max_length=20, description="The number of the last event seen; `after` goes before it")
    ] = None,
) -> Response:
    """Follow a job: what was behind that number first, then each event as it happens, until the job has ended.

    Answers server-sent events; to a caller that accepts only application/json, one page of events.
    """
    if after is None:
        after = _number(last_event_id) if last_event_id else 0
    found = await api.summary(job, caller)
    accept = request.headers.get("accept", "*/*")
    if "application/json" in accept and STREAM not in accept:
        return await _page(api, job, after, wait)
    if found.state in ENDED and found.events <= after:
        return Response(status_code=204)
    return StreamingResponse(_stream(api, job, after), media_type=STREAM, headers=HEADERS)


async def _stream(api: Service, job: str, after: int) -> AsyncIterator[str]:
    yield BEGIN
    async for batch in pinged(api.feed.batches(job, after), PING_S):
        if batch is None:
            yield PING
        else:
            yield "".join(f"id: {event.seq}\ndata: {api.feed.encoded(event)}\n\n" for event in batch)


async def pinged(batches: AsyncIterator[T], every_s: float) -> AsyncIterator[T | None]:
    """The batches as they come, and None whenever none came for `every_s` seconds."""
    coming: asyncio.Future[T] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(batches))
            done, _ = await asyncio.wait({coming}, timeout=every_s)
            if not done:
                yield None
                continue
            try:
                batch = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield batch
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait({coming})
        await batches.aclose()  # type: ignore[attr-defined]


async def _page(api: Service, job: str, after: int, wait_s: float) -> Response:
    events: list[Event] = []
    batches = api.feed.batches(job, after)
    try:
        async with asyncio.timeout(wait_s or None):
            if wait_s:
                events = await anext(batches, [])
    except TimeoutError:
        pass
    finally:
        await batches.aclose()  # type: ignore[attr-defined]
    if not wait_s:
        events = await asyncio.to_thread(api.jobs.events, job, after)
    events = events[:MOST_IN_A_PAGE]
    last = events[-1].seq if events else after
    stored = await asyncio.to_thread(api.jobs.summary, job)
    ended = stored.state in ENDED and stored.events <= last
    shown = ",".join(api.feed.encoded(event) for event in events)
    body = f'{{"events":[{shown}],"last":{last},"ended":{"true" if ended else "false"}}}'
    return Response(body, media_type="application/json")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise InputError(
            f"{text!r} is no number of an event", hint="send the last id that came", code="bad_request_fields"
        )
    return int(text)

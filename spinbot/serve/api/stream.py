"""All of the caller's jobs live, as server-sent events: what one connection needs to keep a whole list up to date."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from spinbot.serve.api.access import Reader
from spinbot.serve.api.events import pinged
from spinbot.serve.api.service import Api, Service
from spinbot.serve.api.sse import BEGIN, EVENT, HEADERS, PING, PING_S, STREAM, streamed

router = APIRouter(prefix="/v1", tags=["events"])

DOUBT = "event: doubt\ndata: {}\n\n"
"""Something may have been missed, as always before the first message."""


class Stream(StreamingResponse):
    """Server-sent events."""

    media_type = STREAM


@router.get(
    "/stream",
    response_class=Stream,
    responses={200: {"content": streamed(EVENT, {"maxProperties": 0}), "description": "Events, without end"}},
)
async def stream(api: Api, caller: Reader) -> Stream:
    """Watch all of the caller's jobs: each event of each of them as it is stored; nothing of the past, and no end.

    The message `event: doubt` says that something may have changed unseen, so that lists should be read again: it
    comes first, and whenever events were missed or a job has changed without one (its wish, priority or review; or it
    was deleted).
    """
    return Stream(_stream(api, caller.owner), headers=HEADERS)


async def _stream(api: Service, owner: str) -> AsyncIterator[str]:
    yield BEGIN
    async with aclosing(pinged(api.feed.watch.follow(owner), PING_S)) as news:  # type: ignore[type-var]
        async for heard in news:
            if heard is None:
                yield PING
            else:
                said = "".join(f"data: {api.feed.encoded(event)}\n\n" for event in heard.events)
                yield (DOUBT if heard.doubt else "") + said

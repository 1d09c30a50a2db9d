"""A job's events as a stream that outlives its connections: each event once, none missed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

import httpx

from spinbot.client.models import Event
from spinbot.client.problems import unreachable
from spinbot.client.session import Session
from spinbot.client.wire import Ask, Reply

SILENCE_S = 45.0
"""The service says something every 15 s."""


async def follow(session: Session, job: str, after: int) -> AsyncGenerator[Event, None]:
    """The events behind number `after`, until the one that ended the job. Raises `SpinbotError`."""
    ended = False
    pauses = session.pauses()
    while True:
        ask = Ask(
            "GET",
            f"/v1/jobs/{quote(job, safe='')}/events",
            query={"after": after},
            headers={"Accept": "text/event-stream"},
            read_s=SILENCE_S,
        )
        reply = await session.open(ask, pauses)
        lost: Exception = httpx.RemoteProtocolError("it ended the stream before the job")
        try:
            if reply.status == 204:  # it had ended before, with event `after`
                return
            async with aclosing(messages(reply)) as said:
                async for data in said:
                    event = Event.model_validate_json(data)
                    if event.seq <= after:
                        continue
                    after, ended = event.seq, event.ends_job
                    pauses.reset()
                    yield event
            if ended:
                return
        except httpx.TransportError as error:
            lost = error
        finally:
            await reply.close()
        if not await pauses.pause():
            raise unreachable(session.wire.url, lost) from lost


async def messages(reply: Reply) -> AsyncGenerator[str, None]:
    """The data of server-sent events; one that is cut off at the end is left out (HTML standard, 9.2.6)."""
    rest, data = b"", list[str]()
    async with aclosing(reply.chunks()) as chunks:
        async for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                text = line.removesuffix(b"\r").decode()
                if not text and data:
                    yield "\n".join(data)
                    data.clear()
                elif text.startswith("data:"):
                    data.append(text.removeprefix("data:").removeprefix(" "))

"""Events as streams that outlive their connections: a job's, each once and none missed; and of all jobs, live."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from spinbot.client.models import Event
from spinbot.client.problems import unreachable
from spinbot.client.session import Session
from spinbot.client.wire import Ask, Reply

SILENCE_S = 45.0
"""The service says something every 15 s."""
EVENTS = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Message:
    """A server-sent event. `event` says what kind it is, where it is no plain message."""

    event: str
    data: str


async def follow(session: Session, job: str, after: int) -> AsyncGenerator[Event, None]:
    """The events behind number `after`, until the one that ended the job. Raises `SpinbotError`."""
    ended = False
    pauses = session.pauses()
    while True:
        ask = Ask(
            "GET",
            f"/v1/jobs/{quote(job, safe='')}/events",
            query={"after": after},
            headers=EVENTS,
            read_s=SILENCE_S,
        )
        reply = await session.open(ask, pauses)
        lost: Exception = httpx.RemoteProtocolError("it ended the stream before the job")
        try:
            if reply.status == 204:  # it had ended before, with event `after`
                return
            async with aclosing(messages(reply)) as said:
                async for message in said:
                    event = Event.model_validate_json(message.data)
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


async def watch(session: Session) -> AsyncGenerator[Event | None, None]:
    """The events of all the caller's jobs from now on, for ever; None for a doubt. Raises `SpinbotError`."""
    pauses = session.pauses()
    while True:
        reply = await session.open(Ask("GET", "/v1/stream", headers=EVENTS, read_s=SILENCE_S), pauses)
        lost: Exception = httpx.RemoteProtocolError("it ended a stream that has no end")
        try:
            async with aclosing(messages(reply)) as said:
                async for message in said:
                    pauses.reset()
                    if message.event == "doubt":
                        yield None
                    elif not message.event:  # what a newer service may have to say besides is passed over
                        yield Event.model_validate_json(message.data)
        except httpx.TransportError as error:
            lost = error
        finally:
            await reply.close()
        if not await pauses.pause():
            raise unreachable(session.wire.url, lost) from lost


async def messages(reply: Reply) -> AsyncGenerator[Message, None]:
    """The server-sent events; one that is cut off at the end is left out (HTML standard, 9.2.6)."""
    rest, event, data = b"", "", list[str]()
    async with aclosing(reply.chunks()) as chunks:
        async for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                name, _, value = line.removesuffix(b"\r").decode().partition(":")
                value = value.removeprefix(" ")
                if name == "data":
                    data.append(value)
                elif name == "event":
                    event = value
                elif not name and not value:  # the empty line that ends one; a comment has a value
                    if data:
                        yield Message(event, "\n".join(data))
                    event = ""
                    data.clear()

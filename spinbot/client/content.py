"""An artifact as it comes, to be passed on: status, headers and chunks, whole or the part that was asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Literal
from urllib.parse import quote

import httpx

from spinbot.client.problems import unreachable
from spinbot.client.session import Session
from spinbot.client.wire import Ask, Reply

Method = Literal["GET", "HEAD"]


class Content:
    """An answer whose body is still to come."""

    def __init__(self, reply: Reply, url: str) -> None:
        self.status = reply.status
        """200, or 206 for a part."""
        self.headers = reply.headers
        """Among them Content-Type, Content-Length, ETag, Accept-Ranges, and Content-Range of a part."""
        self._reply = reply
        self._url = url

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body in parts. Raises `SpinbotError` (`unreachable`) where it breaks off."""
        try:
            async with aclosing(self._reply.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error


def artifact_ask(artifact: str, method: Method = "GET", part: str | None = None) -> Ask:
    """The request for an artifact; `part` is the value of Range. The bytes come as they are stored."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": part} if part else {})
    return Ask(method, f"/v1/artifacts/{quote(artifact, safe=':')}", headers=headers)


@asynccontextmanager
async def opened(session: Session, ask: Ask) -> AsyncIterator[Content]:
    """The answer to `ask` until the block ends, however it ends: the connection is then free, or cut."""
    reply = await session.open(ask)
    try:
        yield Content(reply, session.wire.url)
    finally:
        await reply.close()

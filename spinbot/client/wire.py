"""HTTP, blocking or not, behind one face, so that everything above is written once.

All above a wire is coroutines. On an `AsyncWire` they wait in the event loop. On a `BlockingWire` each await has ended
when it returns, so a coroutine runs through in one go (`finish`) and needs no loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import httpx

T = TypeVar("T")

CONNECT_S = 5.0
READ_S = 60.0


@dataclass(frozen=True)
class Ask:
    """One request. `repeatable`: doing it twice is the same as once."""

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    files: dict[str, Any] | None = None
    repeatable: bool = True
    read_s: float = READ_S
    """Seconds of silence after which the connection counts as lost."""


class Reply(Protocol):
    """The head of an answer, and its body as it comes. Any of it may raise `httpx.TransportError`."""

    status: int
    headers: httpx.Headers

    async def read(self) -> bytes:
        """The whole body."""
        ...

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body in parts."""
        ...

    async def close(self) -> None:
        """Give the connection back, or cut it where the body has not ended."""
        ...


class Wire(Protocol):
    """A pool of connections to one service."""

    url: str

    async def send(self, ask: Ask) -> Reply:
        """Send a request and wait for the head of its answer. Raises `httpx.TransportError`."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def finish(work: Coroutine[Any, Any, T]) -> T:
    """The answer of a coroutine that never waits, such as all those on a `BlockingWire`."""
    try:
        work.send(None)
    except StopIteration as done:
        answer: T = done.value
        return answer
    work.close()
    raise RuntimeError("a coroutine on a blocking wire has waited")


class BlockingWire:
    """See `Wire`: each call returns when it is done."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self._http = httpx.Client(**_options(url, headers))

    async def send(self, ask: Ask) -> Reply:
        """See `Wire.send`."""
        return _BlockingReply(self._http.send(_request(self._http, ask), stream=True))

    async def sleep(self, seconds: float) -> None:
        """See `Wire.sleep`."""
        time.sleep(seconds)

    async def close(self) -> None:
        """See `Wire.close`."""
        self._http.close()


class AsyncWire:
    """See `Wire`: for an event loop."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self._http = httpx.AsyncClient(**_options(url, headers))

    async def send(self, ask: Ask) -> Reply:
        """See `Wire.send`."""
        return _AsyncReply(await self._http.send(_request(self._http, ask), stream=True))

    async def sleep(self, seconds: float) -> None:
        """See `Wire.sleep`."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """See `Wire.close`."""
        await self._http.aclose()


class _BlockingReply:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status, self.headers = response.status_code, response.headers

    async def read(self) -> bytes:
        return self._response.read()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for chunk in self._response.iter_bytes():
            yield chunk

    async def close(self) -> None:
        self._response.close()


class _AsyncReply:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status, self.headers = response.status_code, response.headers

    async def read(self) -> bytes:
        return await self._response.aread()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async for chunk in self._response.aiter_bytes():
            yield chunk

    async def close(self) -> None:
        await self._response.aclose()


def _options(url: str, headers: dict[str, str]) -> dict[str, Any]:
    here = httpx.URL(url).host in ("localhost", "127.0.0.1", "::1")
    return {
        "base_url": url,
        "headers": headers,
        "follow_redirects": True,  # files may lie on an S3 server
        "trust_env": not here,  # no proxy leads to this machine
    }


def _request(http: httpx.Client | httpx.AsyncClient, ask: Ask) -> httpx.Request:
    return http.build_request(
        ask.method,
        ask.path,
        params=ask.query or None,
        headers=ask.headers,
        json=ask.json,
        files=ask.files,
        timeout=httpx.Timeout(ask.read_s, connect=CONNECT_S),
    )

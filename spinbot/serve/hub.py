"""The hub: carries stored events from the runner to every process with followers. It keeps none; the database does.

Ray starts it, starts it again, and says where it is. What it carries comes and goes on sockets, frame by frame and
unread: on two cores a call through Ray takes 2 to 4 ms each way, a frame some 0.2 ms.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
from functools import partial
from typing import cast

from spinbot.actors.line.frames import SECRET, Door, pack, take_frames
from spinbot.actors.ray.services import node_address

MOST_UNREAD = 8 << 20
"""Bytes that may wait for an end that does not read, some 20,000 events; then the line is cut."""

GREETING_S = 5.0
PING_S = 15.0
NOTHING = pack([])
"""What the hub says for itself: first, when all that is said on other lines will be heard; then, that it lives."""


def send(transport: asyncio.Transport, frames: bytes) -> None:
    """Send frames; or hang up on an end that has left too many unread: it looks into the database when it is back."""
    if transport.get_write_buffer_size() > MOST_UNREAD:
        transport.abort()
    else:
        transport.write(frames)


class Hub:
    """Where all lines end: what is said on one is heard on all others. An actor, called through Ray."""

    def __init__(self, address: str = "") -> None:
        """Listens on `address`; by default on that by which other machines of the cluster reach this one."""
        address = address or node_address()
        self._listener = socket.create_server((address, 0), backlog=128)
        self._door = Door(address, self._listener.getsockname()[1], secrets.token_bytes(SECRET))
        self._lines: set[asyncio.Transport] = set()
        self._serving: asyncio.Task[asyncio.Server] | None = None

    async def door(self) -> Door:
        """Where lines begin."""
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        await asyncio.shield(self._serving)
        return self._door

    async def _serve(self) -> asyncio.Server:
        end = partial(_HubEnd, self._door.secret, self._lines)
        server = await asyncio.get_running_loop().create_server(end, sock=self._listener)
        self._ping()
        return server

    def _ping(self) -> None:
        for line in self._lines.copy():
            send(line, NOTHING)
        asyncio.get_running_loop().call_later(PING_S, self._ping)


class _HubEnd(asyncio.Protocol):
    """The hub's end of one line; it is one of `lines` from its greeting to its end."""

    def __init__(self, secret: bytes, lines: set[asyncio.Transport]) -> None:
        self._secret = secret
        self._lines = lines
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody calls."""
        self._line = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self._late = asyncio.get_running_loop().call_later(GREETING_S, self._line.abort)

    def data_received(self, data: bytes) -> None:
        """A part of the greeting or of a frame, or several."""
        self._buffer += data
        if self._line not in self._lines and not self._greeted():
            return
        if frames := b"".join(take_frames(self._buffer)):
            for other in self._lines - {self._line}:
                send(other, frames)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process at the other end has gone, or somebody hung up."""
        self._late.cancel()
        self._lines.discard(self._line)

    def _greeted(self) -> bool:
        if len(self._buffer) < SECRET:
            return False
        if not hmac.compare_digest(self._buffer[:SECRET], self._secret):
            self._line.abort()
            return False
        self._late.cancel()
        del self._buffer[:SECRET]
        self._lines.add(self._line)
        self._line.write(NOTHING)
        return True

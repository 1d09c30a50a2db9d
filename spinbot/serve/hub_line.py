"""A process's line to the hub: says what it has stored, and hears what others say. Opened again when lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol, cast

from spinbot.actors.line.frames import Door, pack, take_frames, unpack
from spinbot.actors.ray.services import GONE
from spinbot.serve.hub import PING_S, send
from spinbot.serve.watch import Fact

AGAIN_S = 0.5
SILENT_S = 3 * PING_S
MOST_UNSAID = 1000
"""Frames that wait for a line, the newest: some seconds of a busy runner. Of what is left out the gap is seen."""


class Listener(Protocol):
    """Who hears what others say."""

    def push(self, news: Sequence[Fact]) -> None:
        """What somebody has stored, events of a job in order."""
        ...

    def doubt(self) -> None:
        """Something may have been missed."""
        ...


class HubLine(asyncio.Protocol):
    """Runs from `start` until `stop`."""

    def __init__(self, hub: Any, listener: Listener) -> None:
        """`hub` is the actor handle of a `Hub`."""
        self._hub = hub
        self._listener = listener
        self._buffer = bytearray()
        self._unsaid: deque[bytes] = deque(maxlen=MOST_UNSAID)
        self._line: asyncio.Transport | None = None
        """Once the hub has greeted."""
        self._heard = 0.0
        self._lost = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Hang up."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    def say(self, news: Sequence[Fact]) -> None:
        """Let the feeds of other processes hear what is stored, events of a job in order. Waits where no line is."""
        frame = pack(list(news))
        if self._line is None:
            self._unsaid.append(frame)
        else:
            send(self._line, frame)

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(OSError, *GONE):  # Ray starts it again
                await self._hold(await self._hub.door.remote())
            self._listener.doubt()
            await asyncio.sleep(AGAIN_S)

    async def _hold(self, door: Door) -> None:
        """One line, until it is lost. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._lost.clear()
        self._buffer.clear()
        transport, _ = await loop.create_connection(lambda: self, door.address, door.port)
        try:
            transport.write(door.secret)
            self._heard = loop.time()
            while not self._lost.is_set() and loop.time() < self._heard + SILENT_S:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self._heard + SILENT_S):
                        await self._lost.wait()
        finally:
            transport.abort()
            self._line = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The hub's process took the line."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """A part of a frame, or of several."""
        self._heard = asyncio.get_running_loop().time()
        self._buffer += data
        frames = take_frames(self._buffer)
        if frames and self._line is None:
            self._greeted()
        for frame in frames:
            self._listener.push(unpack(frame))

    def connection_lost(self, exc: Exception | None) -> None:
        """The hub's process ended, or somebody hung up."""
        self._line = None
        self._lost.set()

    def _greeted(self) -> None:
        """From now on all is heard: look for what was not, and say what waited."""
        self._line = self._transport
        self._listener.doubt()
        self._line.write(b"".join(self._unsaid))
        self._unsaid.clear()

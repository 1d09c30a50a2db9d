"""The runner's end of the line: sends calls, hands on what comes back, and notices a host that fell silent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from spinbot.actors.call import Answer, Call, Hear, NotBegun, Said
from spinbot.actors.line.frames import Door, Hold, Ping, Run, Stop, TakeBack, pack, take_frames, unpack

PING_S = 15.0
SILENT_S = 60.0
"""A process that does not even answer a ping for so long hangs: no library holds the GIL so long."""


@dataclass(eq=False, slots=True)
class _Sent:
    """Calls that were sent together."""

    hear: Hear
    open: set[str]
    done: asyncio.Future[None]
    look: asyncio.TimerHandle | None = None


class RunnerEnd(asyncio.Protocol):
    """One line to one host."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._sent: dict[str, _Sent] = {}
        self._transport: asyncio.Transport | None = None
        self._heard = 0.0

    @classmethod
    async def open(cls, door: Door) -> RunnerEnd:
        """A line to the host behind a door. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        transport, line = await loop.create_connection(cls, door.address, door.port)
        transport.write(door.secret)
        return line

    async def run(self, calls: Sequence[Call], hear: Hear) -> None:
        """Send calls and return when all are answered. Raises `ConnectionError` where the line broke before."""
        loop = asyncio.get_running_loop()
        sent = _Sent(hear, {call.id for call in calls}, loop.create_future())
        self._sent |= dict.fromkeys(sent.open, sent)
        self._heard = loop.time()
        sent.look = loop.call_later(PING_S, self._look, sent)
        try:
            self._send(Run(list(calls)))
            await sent.done
        finally:
            sent.look.cancel()
            for call in sent.open:
                self._sent.pop(call, None)

    def stop(self, call: str) -> None:
        """Ask a call to stop at its next step. Raises `ConnectionError`."""
        self._send(Stop(call))

    def take_back(self, calls: Sequence[str]) -> None:
        """Ask for those of these calls that have not begun: they are then heard as `NotBegun`."""
        with contextlib.suppress(ConnectionError):  # whoever waits for them hears of that
            self._send(TakeBack(list(calls)))

    def hold(self, held: bool) -> None:
        """Let the host's calls rest at their next step, or go on."""
        with contextlib.suppress(ConnectionError):  # whoever waits for them hears of that
            self._send(Hold(held))

    def close(self) -> None:
        """Hang up: the host stops what still runs."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, body: Run | Stop | TakeBack | Hold | Ping) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("the line is closed")
        self._transport.write(pack(body))

    def _look(self, sent: _Sent) -> None:
        """Whether the host still lives, while it works on `sent`."""
        loop = asyncio.get_running_loop()
        try:
            if loop.time() - self._heard > SILENT_S:
                raise ConnectionError(f"not a word for {SILENT_S:g} s")
            self._send(Ping())
        except ConnectionError as error:
            if not sent.done.done():
                sent.done.set_exception(error)
        else:
            sent.look = loop.call_later(PING_S, self._look, sent)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """A part of a frame, or of several."""
        self._heard = asyncio.get_running_loop().time()
        self._buffer += data
        for frame in take_frames(self._buffer):
            for call, said in unpack(frame):
                self._hand_on(call, said)

    def connection_lost(self, exc: Exception | None) -> None:
        """The host's process ended, or somebody hung up."""
        self._transport = None
        for sent in set(self._sent.values()):
            if not sent.done.done():
                sent.done.set_exception(ConnectionError(str(exc or "the host hung up")))

    def _hand_on(self, call: str, said: Said) -> None:
        sent = self._sent.get(call)
        if sent is None:  # nobody waits for it any more
            return
        sent.hear(call, said)
        if isinstance(said, Answer | NotBegun):
            sent.open.discard(call)
            del self._sent[call]
            if not sent.open and not sent.done.done():
                sent.done.set_result(None)

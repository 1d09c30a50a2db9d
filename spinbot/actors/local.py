"""Hosts as threads of this process. The contract is the Ray hosts'; what a thread cannot do is end by force."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

from spinbot.actors.call import Call, Hear, NotBegun, Said
from spinbot.actors.host import Host
from spinbot.config import HostGroup, Settings
from spinbot.errors import HostLostError


class LocalHost:
    """A `Host` whose calls run in threads."""

    def __init__(self, host: Host) -> None:
        self.machine = "this"
        self._host = host
        self._killed = asyncio.Event()
        self._waiting: deque[Call] = deque()
        self._hear: Hear = lambda *_: None

    async def ready(self) -> None:
        """See `HostHandle.ready`."""

    async def run(self, calls: Sequence[Call], hear: Hear) -> None:
        """See `HostHandle.run`."""
        loop = asyncio.get_running_loop()

        def say(call: str, said: Said) -> None:
            loop.call_soon_threadsafe(hear, call, said)

        self._waiting, self._hear = deque(calls), hear

        def run() -> None:
            results: dict[str, dict[str, Any]] = {}
            while call := self._next():
                say(call.id, self._host.run(call, partial(say, call.id), results))

        work = asyncio.ensure_future(asyncio.to_thread(run))
        death = asyncio.ensure_future(self._killed.wait())
        done, _ = await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if work not in done:
            raise HostLostError(f"host {self._host.name!r} was ended", hint="the thread runs on until it returns")
        work.result()

    def take_back(self, calls: Sequence[str]) -> None:
        """See `HostHandle.take_back`."""
        while call := self._next():
            self._hear(call.id, NotBegun())

    def hold(self, held: bool) -> None:
        """See `HostHandle.hold`."""
        self._host.hold(held)

    async def cancel(self, call_id: str) -> None:
        """See `HostHandle.cancel`."""
        self._host.cancel(call_id)

    async def describe(self) -> dict[str, Any]:
        """See `HostHandle.describe`."""
        return self._host.describe()

    async def kill(self) -> None:
        """Give up on the thread: its call is answered as lost, and a step that reports stops it."""
        self._host.cancel_all()
        self._killed.set()

    def _next(self) -> Call | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None


async def start_local(group: HostGroup, settings: Settings, name: str) -> LocalHost:
    """A new host in this process."""
    return LocalHost(Host(group, settings, name=name))

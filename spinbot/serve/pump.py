"""Brings what the cluster's hub says to the feed of this process: one line to the hub, however many follow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from spinbot.errors import StorageError
from spinbot.serve.feed import Feed
from spinbot.serve.hub_line import HubLine
from spinbot.serve.watch import Fact

CHECK_S = 5.0


class Pump:
    """Runs from `start` until `stop`."""

    def __init__(self, hub: Any, feed: Feed) -> None:
        """`hub` is the actor handle of a `Hub`."""
        self._feed = feed
        self._line = HubLine(hub, feed)
        self._checking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._line.start()
        self._checking = asyncio.create_task(self._check())

    async def stop(self) -> None:
        """End."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        await self._line.stop()

    def tell(self, news: Sequence[Fact]) -> None:
        """Let this feed and those of all other processes hear what was stored here. Never fails."""
        self._feed.push(news)
        self._line.say(news)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            with contextlib.suppress(StorageError):  # whoever follows a job hears of it there
                await self._feed.check()

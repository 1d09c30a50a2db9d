"""Brings what the cluster's hub says to the feed of this process: one reader of the hub, however many follow."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from spinbot.actors.ray.services import GONE
from spinbot.errors import StorageError
from spinbot.serve.feed import Feed

WAIT_S = 20.0
CHECK_S = 5.0
AGAIN_S = 0.5

log = logging.getLogger(__name__)


class Pump:
    """Runs from `start` until `stop`."""

    def __init__(self, hub: Any, feed: Feed) -> None:
        """`hub` is the actor handle of a `Hub`."""
        self._hub = hub
        self._feed = feed
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._check())]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self) -> None:
        hub, place = "", 0
        while True:
            try:
                news = await self._hub.wait.remote(hub, place, WAIT_S)
            except GONE:  # Ray starts it again
                self._feed.doubt()
                await asyncio.sleep(AGAIN_S)
                continue
            if news.missed:
                self._feed.doubt()
            self._feed.push(news.events)
            hub, place = news.hub, news.place

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            with contextlib.suppress(StorageError):  # whoever follows a job hears of it there
                await self._feed.check()

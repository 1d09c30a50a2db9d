"""The hub: carries stored events from the runner to every process with followers. Only the database keeps them all."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from spinbot.serve.watch import Fact

MOST_EVENTS = 20_000
"""The newest are kept, about 10 MB: a reader that was away for longer looks into the database."""


@dataclass(frozen=True)
class News:
    """Events behind a reader's place. `missed`: there were more than are kept, or the hub began anew."""

    hub: str
    place: int
    events: Sequence[Fact]
    missed: bool


class Hub:
    """The newest events of all jobs, in the order of their arrival."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._events: deque[Fact] = deque(maxlen=MOST_EVENTS)
        self._count = 0
        self._news = asyncio.Event()

    async def publish(self, events: Sequence[Fact]) -> None:
        """Take stored events, or what changed without one, and wake who waits."""
        self._events.extend(events)
        self._count += len(events)
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, hub: str, place: int, timeout_s: float) -> News:
        """What came after `place`, as the last `News` of hub `hub` named it; waits up to `timeout_s` for the first."""
        if hub != self._name:
            return News(self._name, self._count, (), missed=True)
        if place == self._count:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
        behind = self._count - place
        kept = [self._events[-n] for n in range(min(behind, len(self._events)), 0, -1)]
        return News(self._name, self._count, kept, missed=behind > len(kept))

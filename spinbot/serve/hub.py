"""The hub: tells waiting readers which jobs have news. What the news is stands in the database; nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

MOST_JOBS = 10_000  # remembered, the newest: a reader of an older one looks into the database after its wait


class Hub:
    """The number of the latest event of each job that is running or has just ended."""

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._news = asyncio.Event()

    async def publish(self, latest: Mapping[str, int]) -> None:
        """Take the numbers of stored events, and wake who waits."""
        for job, seq in latest.items():
            self._latest.pop(job, None)
            self._latest[job] = seq
        while len(self._latest) > MOST_JOBS:
            del self._latest[next(iter(self._latest))]
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, seen: Mapping[str, int], timeout_s: float) -> list[str]:
        """The jobs of `seen` with events beyond the number seen; waits up to `timeout_s` seconds for the first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._with_news(seen):
                    await self._news.wait()
        return self._with_news(seen)

    def _with_news(self, seen: Mapping[str, int]) -> list[str]:
        return [job for job, seq in seen.items() if self._latest.get(job, 0) > seq]

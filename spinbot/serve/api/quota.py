"""How many jobs of one owner may be open (queued, running or paused) at a time.

Counting takes a millisecond for 10,000 jobs, so it is done once a second and what was accepted since is added: with
several replicas, or jobs that arrive at one moment, a few more than the limit may get in.
"""

from __future__ import annotations

import time

from spinbot.errors import InputError
from spinbot.store.jobs import JobStore

RECOUNT_S = 1.0


class Quota:
    """The limit of every owner, in this process."""

    def __init__(self, jobs: JobStore, most: int) -> None:
        self._jobs = jobs
        self._most = most
        self._open: dict[str, tuple[float, int]] = {}

    def take(self, owner: str) -> None:
        """One more job of this owner. Raises `InputError` (`queue_full`) where there are enough."""
        counted, count = self._open.get(owner, (0.0, self._most))
        now = time.monotonic()
        if count >= self._most or now - counted > RECOUNT_S:
            counted, count = now, self._jobs.open_of(owner)
        if count >= self._most:
            raise InputError(
                f"{count:,} of your jobs have not ended; the limit is {self._most:,}",
                hint="wait until some have, or cancel some",
                code="queue_full",
            )
        self._open[owner] = counted, count + 1

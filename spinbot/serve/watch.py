"""All that happens to an owner's jobs, to those who watch them live: one of these in each process, however many watch.

Nothing of the past is told and nothing is read again: whoever may have missed something hears of a doubt and looks at
the lists anew. Knows neither HTTP nor Ray.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from spinbot.errors import StorageError
from spinbot.store.jobs import ENDED, Event, JobStore

MOST_WAITING = 1000
"""Events that a slow watcher may leave lying; then they are dropped, and it hears of a doubt."""
MOST_UNPLACED = 5000
"""Events that may wait until the database has said whose they are."""
MOST_JOBS = 10_000
"""Jobs whose owner is remembered, some 2 MB; an event of any other costs a query."""
FIRST_OF_A_RUNNER = 2
"""The number of the first event that a runner tells: the one before was stored with the job, perhaps by a command."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Touched:
    """Something of an owner's jobs has changed that no event says: a wish, a priority, a review, a job that is gone."""

    owner: str


Fact = Event | Touched
"""What a process that changes jobs tells the others."""


@dataclass(frozen=True)
class Heard:
    """What a watcher gets at a time. `doubt`: something may have been missed before `events`."""

    doubt: bool
    events: list[Event]


@dataclass
class _Watched:
    """A job of which something was told: whose it is, and the number of its last event here."""

    owner: str
    seq: int
    ended: bool = False


@dataclass(eq=False)
class _Watcher:
    doubt: bool = True
    waiting: list[Event] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, event: Event) -> None:
        if len(self.waiting) >= MOST_WAITING:
            self.waiting.clear()
            self.doubt = True
        else:
            self.waiting.append(event)
        self.news.set()

    def suspect(self) -> None:
        self.doubt = True
        self.news.set()

    def take(self) -> Heard:
        heard = Heard(self.doubt, self.waiting)
        self.doubt, self.waiting = False, []
        self.news.clear()
        return heard


class Watch:
    """Those who watch the jobs of an owner, and what they have not taken yet."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._watchers: dict[str, set[_Watcher]] = defaultdict(set)
        self._watched: OrderedDict[str, _Watched] = OrderedDict()
        self._unplaced: deque[Event] = deque()
        self._placing: asyncio.Task[None] | None = None

    @property
    def watchers(self) -> int:
        """How many watch."""
        return sum(map(len, self._watchers.values()))

    async def follow(self, owner: str) -> AsyncIterator[Heard]:
        """A doubt first, then each event of the owner's jobs as it is stored, for ever."""
        watcher = _Watcher()
        self._watchers[owner].add(watcher)
        try:
            while True:
                yield watcher.take()
                await watcher.news.wait()
        finally:
            self._watchers[owner].discard(watcher)
            if not self._watchers[owner]:
                del self._watchers[owner]
            if not self._watchers:  # what comes while nobody watches is not followed, so what was known grows old
                self._watched.clear()
                self._unplaced.clear()

    def push(self, news: Iterable[Fact]) -> None:
        """Hand on what has happened, events of a job in order."""
        if not self._watchers:
            return
        for item in news:
            if isinstance(item, Touched):
                self._suspect(item.owner)
            elif self._placing is None and item.job in self._watched:
                self._tell(item)
            else:
                self._unplaced.append(item)
        if len(self._unplaced) > MOST_UNPLACED:
            self._unplaced.clear()
            self.doubt()
        if self._unplaced and self._placing is None:
            self._placing = asyncio.get_running_loop().create_task(self._place())

    def doubt(self) -> None:
        """Something of anybody may have been missed."""
        for owner in self._watchers:
            self._suspect(owner)

    def open_jobs(self) -> list[str]:
        """Jobs that may have events which nobody told."""
        return [job for job, watched in self._watched.items() if not watched.ended]

    def compare(self, latest: dict[str, int]) -> None:
        """Doubt where one of the jobs has come further than what was told of it; `latest` are their last events."""
        for job, seq in latest.items():
            if (watched := self._watched.get(job)) and watched.seq < seq:
                watched.seq = seq
                self._suspect(watched.owner)

    def _suspect(self, owner: str) -> None:
        for watcher in self._watchers.get(owner, ()):
            watcher.suspect()

    async def _place(self) -> None:
        """Ask whose the waiting events are, all of them at once, and hand them on in the order in which they came."""
        try:
            while self._unplaced:
                events = list(self._unplaced)
                self._unplaced.clear()
                strangers = {event.job for event in events} - self._watched.keys()
                try:
                    owners = await asyncio.to_thread(self._jobs.owners, strangers) if strangers else {}
                except StorageError as error:
                    log.warning("%s", error)
                    self.doubt()
                    continue
                for event in events:
                    if event.job in owners and event.job not in self._watched:
                        self._watched[event.job] = _Watched(owners[event.job], _before(event))
                    if event.job in self._watched:  # else it has been deleted meanwhile
                        self._tell(event)
        finally:
            self._placing = None

    def _tell(self, event: Event) -> None:
        watched = self._watched[event.job]
        self._watched.move_to_end(event.job)
        if len(self._watched) > MOST_JOBS:
            self._watched.popitem(last=False)
        if event.seq <= watched.seq:  # it came twice
            return
        if event.seq > watched.seq + 1:
            self._suspect(watched.owner)
        watched.seq = event.seq
        watched.ended = event.kind.startswith("job.") and event.kind.removeprefix("job.") in ENDED
        for watcher in self._watchers.get(watched.owner, ()):
            watcher.offer(event)


def _before(event: Event) -> int:
    """What counts as told of a job before the first event that comes of it."""
    return 0 if event.seq <= FIRST_OF_A_RUNNER else event.seq - 1

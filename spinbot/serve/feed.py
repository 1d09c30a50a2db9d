"""Events to those who follow jobs, pushed: one feed in each process, however many follow.

Events arrive by `push`, in any number of batches, perhaps not all. What is missing is seen by its number and read from
the database, which has them all: nobody misses an event or gets one twice. Knows neither HTTP nor Ray.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable

from spinbot.serve.watch import Fact, Watch
from spinbot.store.jobs import ENDED, Event, JobStore

MOST_WAITING = 1000
"""Events that a slow follower may leave lying; then they are dropped here and read from the database when it comes."""

MOST_ENCODED = 5_000
"""Events whose JSON is kept: with a thousand followers it is made once and not a thousand times."""


class _Reading:
    """One query for all who want stored events of a job at this moment. `after`: the least that one of them has."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.events: asyncio.Future[list[Event]] = asyncio.get_running_loop().create_future()


class _Follower:
    """What has arrived for one who follows a job. `behind`: something was dropped or may have been missed."""

    def __init__(self, after: int) -> None:
        self.seen = after
        self.waiting: list[Event] = []
        self.behind = True
        self.news = asyncio.Event()

    def offer(self, events: list[Event]) -> None:
        if len(self.waiting) + len(events) > MOST_WAITING:
            self.doubt()
        else:
            self.waiting += events
            self.news.set()

    def doubt(self) -> None:
        self.waiting.clear()
        self.behind = True
        self.news.set()

    def take(self) -> list[Event]:
        taken, self.waiting = self.waiting, []
        self.news.clear()
        return taken


class Feed:
    """The events of all jobs that somebody in this process follows."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._followers: dict[str, set[_Follower]] = defaultdict(set)
        self._listeners: list[Callable[[list[Event]], None]] = []
        self._encoded: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._readings: dict[str, _Reading] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self.watch = Watch(jobs)
        """Those who watch all jobs of an owner."""

    def listen(self, listener: Callable[[list[Event]], None]) -> None:
        """Call `listener` with each batch of events that is pushed from now on, whoever follows their jobs."""
        self._listeners.append(listener)

    def encoded(self, event: Event) -> str:
        """The event as JSON, on one line."""
        place = (event.job, event.seq)
        text = self._encoded.get(place)
        if text is None:
            text = self._encoded[place] = json.dumps(vars(event), ensure_ascii=False, separators=(",", ":"))
            if len(self._encoded) > MOST_ENCODED:
                self._encoded.popitem(last=False)
        return text

    @property
    def followed(self) -> int:
        """How many follow a job now; one who follows two counts twice."""
        return sum(map(len, self._followers.values()))

    def push(self, news: Iterable[Fact]) -> None:
        """Hand on events that are stored, those of a job in order, and what changed without one."""
        news = list(news)
        self.watch.push(news)
        events = [item for item in news if isinstance(item, Event)]
        for listener in self._listeners:
            listener(events)
        by_job: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            if event.job in self._followers:
                by_job[event.job].append(event)
        for job, news in by_job.items():
            for follower in self._followers[job]:
                follower.offer(news)

    def doubt(self) -> None:
        """Events may have been missed: let everyone look into the database."""
        for followers in self._followers.values():
            for follower in followers:
                follower.doubt()
        self.watch.doubt()

    async def check(self) -> None:
        """Look with one query whether followed jobs have events that nobody pushed: their runner may have died then."""
        jobs = {*self._followers, *self.watch.open_jobs()}
        latest = await asyncio.to_thread(self._jobs.latest, jobs)
        self.watch.compare(latest)
        for job, seq in latest.items():
            for follower in self._followers.get(job, ()):
                if follower.seen < seq and not follower.waiting:
                    follower.doubt()

    async def follow(self, job: str, after: int = 0, *, until_end: bool = True) -> AsyncIterator[Event]:
        """The job's events with numbers above `after`, those of the past first, then each as it is stored.

        Ends with the event that ended the job, unless `until_end` is false. Raises `NotFoundError`, `StorageError`.
        """
        async for batch in self.batches(job, after, until_end=until_end):
            for event in batch:
                yield event

    async def batches(self, job: str, after: int = 0, *, until_end: bool = True) -> AsyncIterator[list[Event]]:
        """`follow`, with the events that are there at the same time together."""
        follower = _Follower(after)
        self._followers[job].add(follower)
        try:
            while True:
                news = [event for event in follower.take() if event.seq > after]
                if follower.behind or (news and news[0].seq > after + 1):
                    follower.behind = False
                    news = await self._stored(job, after)
                if news:
                    after = follower.seen = news[-1].seq
                    yield news
                if until_end and not follower.waiting and await self._over(job, news[-1] if news else None, after):
                    return
                if not follower.behind:
                    await follower.news.wait()
        finally:
            self._followers[job].discard(follower)
            if not self._followers[job]:
                del self._followers[job]

    async def _stored(self, job: str, after: int) -> list[Event]:
        """What the database has. Who comes while it is being asked shares the next answer: this one may be too old."""
        reading = self._readings.get(job)
        if reading is None:
            reading = self._readings[job] = _Reading(after)
            if job not in self._reading:
                self._reading[job] = asyncio.create_task(self._read(job))
        reading.after = min(reading.after, after)
        found = await asyncio.shield(reading.events)
        return [event for event in found if event.seq > after]

    async def _read(self, job: str) -> None:
        try:
            while reading := self._readings.pop(job, None):
                try:
                    found = await asyncio.to_thread(self._jobs.events, job, reading.after)
                except Exception as error:  # noqa: BLE001  # it belongs to those who wait
                    reading.events.set_exception(error)
                    reading.events.exception()  # they may all have gone; asyncio then warns of what nobody saw
                else:
                    reading.events.set_result(found)
        finally:
            del self._reading[job]

    async def _over(self, job: str, last: Event | None, after: int) -> bool:
        """Whether the job has ended with event `after`. Only asked where that may be."""
        if last is not None and last.kind.removeprefix("job.") not in ENDED:
            return False
        stored = await asyncio.to_thread(self._jobs.summary, job)
        return stored.state in ENDED and stored.events <= after

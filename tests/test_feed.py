"""Whoever follows a job gets each event once and in order, whatever is lost, late or doubled on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.serve.feed import MOST_WAITING, Feed
from spinbot.serve.hub import MOST_EVENTS, Hub
from spinbot.store.database import connect
from spinbot.store.jobs import Event, JobStore
from spinbot.store.ledger import Ledger, Turn

Story = Callable[[], Coroutine[Any, Any, Any]]


class Writer:
    """A job and whoever writes its events."""

    def __init__(self, store: JobStore) -> None:
        self.ledger = Ledger(store, lease_s=60)
        self.id = store.create("toy", {"nodes": {"a": {}}})
        claimed = self.ledger.claim(self.id)
        assert claimed
        self.epoch = claimed.epoch

    def write(self, *words: str, end: bool = False) -> list[Event]:
        turn = Turn()
        for word in words:
            turn.say("log", None, {"message": word})
        if end:
            turn.end("succeeded", outputs={})
        return self.ledger.write(self.id, self.epoch, turn)[0]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    engine = connect(f"sqlite:///{tmp_path}/jobs.db")
    yield JobStore(engine)
    engine.dispose()


@pytest.fixture
def writer(store: JobStore) -> Writer:
    return Writer(store)


async def numbers(feed: Feed, job: str, after: int = 0) -> list[int]:
    return [event.seq async for event in feed.follow(job, after)]


def test_the_past_comes_first_and_then_what_is_pushed(store, writer):
    writer.write("one", "two")

    async def story() -> list[int]:
        feed = Feed(store)
        following = asyncio.create_task(numbers(feed, writer.id))
        while not feed.followed:
            await asyncio.sleep(0)
        feed.push(writer.write("three"))
        feed.push(writer.write(end=True))
        return await following

    assert asyncio.run(story()) == [1, 2, 3, 4, 5]


def test_lost_late_and_doubled_batches_change_nothing(store, writer):
    async def story() -> list[int]:
        feed = Feed(store)
        got: list[int] = []

        async def follow() -> None:
            async for batch in feed.batches(writer.id, after=1):
                got.extend(event.seq for event in batch)

        following = asyncio.create_task(follow())
        while not feed.followed:
            await asyncio.sleep(0)
        first, lost, third = writer.write("a"), writer.write("b"), writer.write("c")
        feed.push(first)
        feed.push(third)  # the second never comes
        while len(got) < 3:
            await asyncio.sleep(0.001)
        feed.push(first)
        feed.push(lost)  # too late
        feed.push(writer.write(end=True))
        await following
        return got

    assert asyncio.run(story()) == [2, 3, 4, 5]


def test_a_slow_follower_gets_everything_and_is_not_kept_in_memory(store, writer):
    async def story() -> list[int]:
        feed = Feed(store)
        got: list[int] = []
        batches = feed.batches(writer.id)
        got += [event.seq for event in await anext(batches)]
        waiting = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        for _ in range(2 * MOST_WAITING // 100):
            feed.push(writer.write(*["x"] * 100))
        feed.push(writer.write(end=True))
        got += [event.seq for event in await waiting]
        async for batch in batches:
            got += [event.seq for event in batch]
        return got

    assert asyncio.run(story()) == list(range(1, 2 * MOST_WAITING + 3))


def test_the_last_event_is_found_even_when_its_runner_died_before_it_told(store, writer):
    async def story() -> list[int]:
        feed = Feed(store)
        following = asyncio.create_task(numbers(feed, writer.id))
        while not feed.followed:
            await asyncio.sleep(0)
        writer.write(end=True)  # and nobody pushes it
        while not following.done():
            await feed.check()
            await asyncio.sleep(0.01)
        return following.result()

    assert asyncio.run(story()) == [1, 2]


def test_a_job_that_has_ended_is_told_and_over(store, writer):
    writer.write(end=True)
    feed = Feed(store)
    assert asyncio.run(numbers(feed, writer.id)) == [1, 2]
    assert asyncio.run(numbers(feed, writer.id, after=2)) == []
    assert feed.followed == 0


def event(seq: int) -> Event:
    return Event("j", seq, 0.0, "log", None, {})


def test_the_hub_gives_what_is_behind_a_place_and_says_when_it_has_forgotten():
    async def story() -> None:
        hub = Hub()
        begin = await hub.wait("", 0, 1)
        assert (begin.events, begin.missed) == ((), True)
        await hub.publish([event(1), event(2)])
        news = await hub.wait(begin.hub, begin.place, 1)
        assert ([e.seq for e in news.events], news.missed) == ([1, 2], False)
        waiting = asyncio.ensure_future(hub.wait(news.hub, news.place, 60))
        await asyncio.sleep(0)
        await hub.publish([event(3)])
        assert [e.seq for e in (await waiting).events] == [3]
        assert list((await hub.wait(news.hub, news.place + 1, 0.01)).events) == []
        await hub.publish([event(n) for n in range(MOST_EVENTS + 5)])
        late = await hub.wait(news.hub, news.place, 1)
        assert (late.missed, len(late.events)) == (True, MOST_EVENTS)

    asyncio.run(story())


def test_a_reader_of_a_hub_that_began_anew_is_told_to_look_into_the_database():
    async def story() -> None:
        before, after = Hub(), Hub()
        news = await before.wait("", 0, 1)
        await after.publish([event(1)])
        assert (await after.wait(news.hub, 1, 1)).missed

    asyncio.run(story())

"""Whoever follows a job gets each event once and in order, whatever is lost, late or doubled on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.serve.feed import MOST_WAITING, Feed
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from tests.writer import Writer

Story = Callable[[], Coroutine[Any, Any, Any]]


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

"""Whoever watches an owner's jobs hears each event as it is stored, and of a doubt wherever one may be missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.serve.feed import Feed
from spinbot.serve.watch import MOST_UNPLACED, MOST_WAITING, Heard, Touched
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from tests.test_feed import Writer

Story = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    engine = connect(f"sqlite:///{tmp_path}/jobs.db")
    yield JobStore(engine)
    engine.dispose()


class Watcher:
    """Somebody who watches, and what he has heard: numbers of events, and "doubt"."""

    def __init__(self, feed: Feed, owner: str = "local") -> None:
        self.heard: list[int | str] = []
        self._news: AsyncIterator[Heard] = feed.watch.follow(owner)

    async def hear(self, until: int) -> list[int | str]:
        """What he has heard, once it is that much."""
        while len(self.heard) < until:
            heard = await asyncio.wait_for(anext(self._news), 10)
            self.heard += (["doubt"] if heard.doubt else []) + [event.seq for event in heard.events]
        return self.heard

    async def go(self) -> None:
        await self._news.aclose()  # type: ignore[attr-defined]


def test_a_doubt_comes_first_and_then_what_happens_and_nothing_of_the_past(store):
    async def story() -> list[int | str]:
        feed, writer = Feed(store), Writer(store)
        feed.push(writer.write("before anybody watched", "and again"))
        watcher = Watcher(feed)
        assert await watcher.hear(1) == ["doubt"]
        feed.push(writer.write("one"))
        feed.push(writer.write("two"))
        feed.push(writer.write(end=True))
        return await watcher.hear(4)

    assert asyncio.run(story()) == ["doubt", 4, 5, 6]


def test_others_jobs_are_not_heard_of(store):
    async def story() -> None:
        feed, writer = Feed(store), Writer(store)
        stranger, owner = Watcher(feed, "anna"), Watcher(feed)
        await stranger.hear(1)
        await owner.hear(1)
        feed.push(store.events(writer.id))
        feed.push([Touched("anna")])
        assert await owner.hear(2) == ["doubt", 1]
        assert await stranger.hear(2) == ["doubt", "doubt"]
        feed.doubt()
        assert await owner.hear(3) == ["doubt", 1, "doubt"]

    asyncio.run(story())


def test_events_of_a_job_keep_their_order_while_it_is_asked_whose_it_is(store):
    async def story() -> list[int | str]:
        feed, writers = Feed(store), [Writer(store) for _ in range(3)]
        watcher = Watcher(feed)
        await watcher.hear(1)
        for _ in range(5):
            for writer in writers:
                feed.push(store.events(writer.id) if writer is writers[0] else [])
                feed.push(writer.write("x"))
            await asyncio.sleep(0)
        mine = [event.seq for event in store.events(writers[0].id)]
        feed.push(writers[0].write(end=True))
        heard: list[tuple[str, int]] = []
        while (writers[0].id, mine[-1] + 1) not in heard:
            heard += [(event.job, event.seq) for event in (await anext(watcher._news)).events]
        return [seq for job, seq in heard if job == writers[0].id]

    assert asyncio.run(story()) == [1, 2, 3, 4, 5, 6, 7]


def test_what_was_lost_is_doubted_and_what_comes_twice_is_told_once(store):
    async def story() -> list[int | str]:
        feed, writer = Feed(store), Writer(store)
        watcher = Watcher(feed)
        await watcher.hear(1)
        feed.push(store.events(writer.id))
        await watcher.hear(2)
        first, _lost, third = writer.write("a"), writer.write("b"), writer.write("c")
        feed.push(first)
        feed.push(first)
        await watcher.hear(3)
        feed.push(third)
        return await watcher.hear(5)

    assert asyncio.run(story()) == ["doubt", 1, 2, "doubt", 4]


def test_a_job_that_a_command_has_stored_is_doubted_when_its_runner_tells_of_it(store):
    async def story() -> list[int | str]:
        feed = Feed(store)
        watcher = Watcher(feed)
        await watcher.hear(1)
        feed.push(Writer(store).write("the first that a runner tells"))
        return await watcher.hear(3)

    assert asyncio.run(story()) == ["doubt", "doubt", 2]


def test_an_end_that_nobody_told_is_found(store):
    async def story() -> list[int | str]:
        feed, writer = Feed(store), Writer(store)
        watcher = Watcher(feed)
        await watcher.hear(1)
        feed.push(store.events(writer.id))
        await watcher.hear(2)
        writer.write(end=True)  # its runner dies before it tells
        await feed.check()
        await watcher.hear(3)
        await feed.check()  # once is enough
        feed.push([Touched("local")])
        return await watcher.hear(4)

    assert asyncio.run(story()) == ["doubt", 1, "doubt", "doubt"]


def test_a_slow_watcher_is_told_to_look_anew_and_keeps_no_more_than_the_limit(store):
    async def story() -> list[int | str]:
        feed, writer = Feed(store), Writer(store)
        watcher = Watcher(feed)
        await watcher.hear(1)
        feed.push(store.events(writer.id))
        await watcher.hear(2)
        feed.push(writer.write(*["x"] * (MOST_WAITING + 5)))
        return await watcher.hear(3)

    heard = asyncio.run(story())
    assert heard[:3] == ["doubt", 1, "doubt"]
    assert heard[3:] == list(range(MOST_WAITING + 3, MOST_WAITING + 7))


def test_too_many_events_of_unknown_jobs_become_a_doubt(store):
    async def story() -> list[int | str]:
        feed, writer = Feed(store), Writer(store)
        watcher = Watcher(feed)
        await watcher.hear(1)
        feed.push(writer.write(*["x"] * (MOST_UNPLACED + 1)))
        return await watcher.hear(2)

    assert asyncio.run(story()) == ["doubt", "doubt"]


def test_nothing_is_kept_for_those_who_have_gone(store):
    async def story() -> None:
        feed, writer = Feed(store), Writer(store)
        watcher = Watcher(feed)
        await watcher.hear(1)
        feed.push(store.events(writer.id))
        await watcher.hear(2)
        assert feed.watch.open_jobs() == [writer.id]
        await watcher.go()
        feed.push(writer.write("unheard"))
        assert (feed.watch.watchers, feed.watch.open_jobs()) == (0, [])

    asyncio.run(story())

"""The hub over real sockets: what is said on one line is heard on the others, and nothing is lost when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from spinbot.actors.line.frames import SECRET, Door, pack
from spinbot.serve.feed import Feed
from spinbot.serve.hub import MOST_UNREAD
from spinbot.serve.hub_line import HubLine
from spinbot.serve.pump import Pump
from spinbot.serve.runner import Waking
from spinbot.store.database import connect
from spinbot.store.jobs import Event, JobStore
from tests.writer import Writer

PROCESS = """
import asyncio, pickle
from spinbot.serve.hub import Hub

async def serve():
    hub = Hub("127.0.0.1")
    print(pickle.dumps(await hub.door()).hex(), flush=True)
    await asyncio.Event().wait()

asyncio.run(serve())
"""


class Actor:
    """A hub in a process of its own, and its handle: that stays when the process is another, and waits for one."""

    def __init__(self) -> None:
        self._alive = asyncio.Event()

    async def __aenter__(self) -> Actor:
        await self.rise()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.die()

    async def rise(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", PROCESS], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self._door: Door = pickle.loads(bytes.fromhex(await asyncio.to_thread(self._process.stdout.readline)))
        self._alive.set()

    def die(self) -> None:
        self._alive.clear()
        self._process.kill()
        self._process.communicate()

    @property
    def door(self) -> Actor:
        return self

    async def remote(self) -> Door:
        await self._alive.wait()
        return self._door


class Follower:
    """Numbers of the events that a follower of a job got."""

    def __init__(self, feed: Feed, job: str) -> None:
        self.numbers: list[int] = []
        self._news = asyncio.Event()
        self.over = asyncio.create_task(self._follow(feed, job))

    async def _follow(self, feed: Feed, job: str) -> None:
        async for event in feed.follow(job):
            self.numbers.append(event.seq)
            self._news.set()

    async def has(self, number: int) -> None:
        while number not in self.numbers:
            self._news.clear()
            await self._news.wait()


class Deaf:
    """Hears nothing, as a line that only says."""

    def push(self, news: object) -> None: ...

    def doubt(self) -> None: ...


class Ears(Feed):
    """A process that hears everything, and a runner's line."""

    def __init__(self, hub: Actor, store: JobStore) -> None:
        super().__init__(store)
        self.listen(self._hear)
        self._pump, self._runner = Pump(hub, self), HubLine(hub, Deaf())
        self._news, self._ready = asyncio.Event(), asyncio.Event()
        self.heard: list[int] = []

    async def __aenter__(self) -> Ears:
        self._pump.start()
        self._runner.start()
        await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pump.stop()
        await self._runner.stop()

    def doubt(self) -> None:
        """Nothing is missed from here on."""
        super().doubt()
        self._ready.set()

    def _hear(self, events: list[Event]) -> None:
        self.heard += [event.seq for event in events]
        self._news.set()

    async def say(self, seq: int, text: str = "") -> None:
        """Returns when it is heard."""
        self._runner.say([note(seq, text)])
        while seq not in self.heard:
            self._news.clear()
            await self._news.wait()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    engine = connect(f"sqlite:///{tmp_path}/jobs.db")
    yield JobStore(engine)
    engine.dispose()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(bounded())


def note(seq: int, text: str = "") -> Event:
    return Event("j", seq, 0.0, "log", None, {"message": text})


def test_every_process_hears_what_the_others_say(store):
    writer = Writer(store)

    async def story() -> list[list[int]]:
        async with Actor() as hub:
            feeds = [Feed(store), Feed(store)]
            followers = [Follower(feed, writer.id) for feed in feeds]
            runner, *pumps = HubLine(hub, Deaf()), *(Pump(hub, feed) for feed in feeds)
            for end in (runner, *pumps):
                end.start()
            runner.say(writer.write("before there was a line"))
            for follower in followers:
                await follower.has(2)
            pumps[0].tell(writer.write("by a replica"))
            for follower in followers:
                await follower.has(3)
            runner.say(writer.write("the last", end=True))
            for follower in followers:
                await follower.over
            for end in (runner, *pumps):
                await end.stop()
            return [follower.numbers for follower in followers]

    assert run(story()) == [[1, 2, 3, 4, 5]] * 2


def test_what_is_stored_while_there_is_no_hub_is_heard_when_there_is_another(store):
    writer = Writer(store)

    async def story() -> list[int]:
        async with Actor() as hub:
            feed = Feed(store)
            runner, pump = HubLine(hub, Deaf()), Pump(hub, feed)
            follower = Follower(feed, writer.id)
            runner.start()
            pump.start()
            runner.say(writer.write("one"))
            await follower.has(2)
            hub.die()
            runner.say(writer.write("to one that is dead"))
            writer.write("stored by a runner that died before it could say so")
            await hub.rise()
            await follower.has(4)
            runner.say(writer.write(end=True))
            await follower.over
            await runner.stop()
            await pump.stop()
            return follower.numbers

    assert run(story()) == [1, 2, 3, 4, 5]


class Woken:
    """Stands where a runner is woken."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def wake(self) -> None:
        self.news.set()

    async def again(self) -> None:
        self.news.clear()
        await self.news.wait()


def test_a_runner_looks_for_jobs_when_a_replica_says_what_it_has_stored(store):
    writer = Writer(store)

    async def story() -> None:
        async with Actor() as hub:
            runner = Woken()
            line, pump = HubLine(hub, Waking(runner)), Pump(hub, Feed(store))
            line.start()
            await runner.news.wait()  # what was stored before there was a line
            pump.start()
            for number in range(2):
                woken = asyncio.create_task(runner.again())
                await asyncio.sleep(0)
                pump.tell(writer.write(f"job {number}"))
                await woken
            await line.stop()
            await pump.stop()

    run(story())


def test_a_stranger_is_neither_heard_nor_told_anything(store):
    async def story() -> tuple[bytes, list[int]]:
        async with Actor() as hub, Ears(hub, store) as ears:
            door = await hub.remote()
            reader, stranger = await asyncio.open_connection(door.address, door.port)
            stranger.write(bytes(SECRET) + pack([note(666)]))
            told = b""
            with contextlib.suppress(ConnectionResetError):
                told = await reader.read()
            stranger.close()
            await ears.say(1)
            return told, ears.heard

    assert run(story()) == (b"", [1])


def test_an_end_that_does_not_read_is_hung_up_on_while_the_others_hear_all(store):
    megabyte = 1 << 20
    enough = MOST_UNREAD // megabyte + 32  # the kernel takes some for it too

    async def story() -> list[int]:
        async with Actor() as hub, Ears(hub, store) as ears:
            door = await hub.remote()
            sleeper = socket.create_connection((door.address, door.port), timeout=20)
            with sleeper, contextlib.suppress(ConnectionResetError):
                sleeper.sendall(door.secret)
                sleeper.recv(1)  # it is greeted
                for seq in range(1, enough + 1):
                    await ears.say(seq, "x" * megabyte)
                while await asyncio.to_thread(sleeper.recv, megabyte):
                    pass
            return ears.heard

    assert run(story()) == list(range(1, enough + 1))

"""The line between a runner and a host, over a real socket: order, strangers, successors, hosts that fall silent."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from spinbot.actors.call import Answer, Call, NotBegun, Noted
from spinbot.actors.host import CallContext, Host
from spinbot.actors.line import runner_end
from spinbot.actors.line.frames import SECRET, Door, Run, pack
from spinbot.actors.line.host_end import HostEnd
from spinbot.actors.line.runner_end import RunnerEnd
from spinbot.config import HostGroup, Settings

RELEASED = threading.Event()
BEGUN = threading.Event()


def say_twice(context: CallContext, payload: str) -> dict[str, Any]:
    context.note(f"{payload} one")
    context.note(f"{payload} two")
    return {"was": payload}


def until_cancelled(context: CallContext, payload: None) -> dict[str, Any]:
    BEGUN.set()
    while True:
        context.progress(0.5, "waiting")
        RELEASED.wait(0.01)


def call(name: str, function: Any = say_twice) -> Call:
    return Call(name, function, name, {})


@pytest.fixture
def end(tmp_path) -> HostEnd:
    BEGUN.clear()
    return HostEnd(Host(HostGroup(), Settings(home=tmp_path), name="here"), "127.0.0.1")


def run(work: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            result = await work
            await asyncio.sleep(0)  # a line that was closed is gone in the loop's next round
            return result

    return asyncio.run(bounded())


def test_calls_run_in_order_and_each_says_what_it_says_before_its_answer(end):
    async def use() -> list[tuple[str, Any]]:
        heard: list[tuple[str, Any]] = []
        line = await RunnerEnd.open(end.door)
        await line.run([call("a"), call("b")], lambda name, said: heard.append((name, said)))
        line.close()
        return heard

    heard = run(use())
    assert [name for name, _ in heard] == ["a"] * 3 + ["b"] * 3
    assert [said.message for _, said in heard if isinstance(said, Noted)] == ["a one", "a two", "b one", "b two"]
    assert [said.result for _, said in heard if isinstance(said, Answer)] == [{"was": "a"}, {"was": "b"}]


def test_what_a_stranger_sends_is_not_even_unpickled(end):
    with socket.create_connection((end.door.address, end.door.port)) as stranger:
        stranger.sendall(b"0" * len(end.door.secret) + pack(Run([call("mine", until_cancelled)])))
        stranger.settimeout(20)
        try:
            answered = stranger.recv(1)
        except ConnectionResetError:  # what was not read makes the hanging up a reset
            answered = b""
        assert answered == b""
    assert not BEGUN.is_set()


def test_a_call_stops_when_asked(end):
    async def use() -> dict[str, Any]:
        heard: dict[str, Any] = {}
        line = await RunnerEnd.open(end.door)
        running = asyncio.ensure_future(line.run([call("long", until_cancelled)], heard.__setitem__))
        await asyncio.to_thread(BEGUN.wait)
        line.stop("long")
        await running
        line.close()
        return heard

    assert run(use())["long"].error["code"] == "cancelled"


def test_calls_behind_one_that_takes_long_are_taken_back_and_never_run(end):
    async def use() -> list[tuple[str, Any]]:
        heard: list[tuple[str, Any]] = []
        line = await RunnerEnd.open(end.door)
        calls = [call("long", until_cancelled), call("a"), call("b")]
        running = asyncio.ensure_future(line.run(calls, lambda name, said: heard.append((name, said))))
        await asyncio.to_thread(BEGUN.wait)
        line.take_back(["a", "b"])
        while sum(said == NotBegun() for _, said in heard) < 2:
            await asyncio.sleep(0)
        line.stop("long")
        await running
        line.close()
        return heard

    heard = run(use())
    assert [name for name, said in heard if said == NotBegun()] == ["a", "b"]
    assert [name for name, said in heard if isinstance(said, Answer)] == ["long"]


def test_a_new_runner_gets_the_host_and_the_former_ones_calls_stop(end):
    async def use() -> dict[str, Any]:
        heard: dict[str, Any] = {}
        former = await RunnerEnd.open(end.door)
        forgotten = asyncio.ensure_future(former.run([call("long", until_cancelled)], heard.__setitem__))
        await asyncio.to_thread(BEGUN.wait)
        line = await RunnerEnd.open(end.door)
        await line.run([call("next")], heard.__setitem__)
        await forgotten
        former.close()
        line.close()
        return heard

    heard = run(use())
    assert heard["next"].result == {"was": "next"}
    assert heard["long"].error["code"] == "cancelled"


def test_a_host_that_hangs_up_or_falls_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(runner_end, "PING_S", 0.01)
    monkeypatch.setattr(runner_end, "SILENT_S", 0.05)

    async def use(listener: socket.socket, hang_up: bool) -> None:
        line = await RunnerEnd.open(Door(*listener.getsockname(), b"0" * SECRET))
        connection, _ = listener.accept()
        with connection:
            if hang_up:
                connection.shutdown(socket.SHUT_RDWR)
            try:
                await line.run([call("never")], lambda *_: None)
            finally:
                line.close()
                await asyncio.sleep(0)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(ConnectionError):
            run(use(listener, hang_up=True))
        with pytest.raises(ConnectionError, match="not a word"):
            run(use(listener, hang_up=False))


def test_a_ping_is_answered_while_a_call_runs(end, monkeypatch):
    monkeypatch.setattr(runner_end, "PING_S", 0.01)
    monkeypatch.setattr(runner_end, "SILENT_S", 5.0)

    async def use() -> float:
        line = await RunnerEnd.open(end.door)
        running = asyncio.ensure_future(line.run([call("held", hold)], lambda *_: None))
        await asyncio.to_thread(BEGUN.wait)
        before = line._heard
        while line._heard == before:
            await asyncio.sleep(0)
        RELEASED.set()
        await running
        line.close()
        RELEASED.clear()
        return before

    assert run(use())


def hold(context: CallContext, payload: str) -> dict[str, Any]:
    BEGUN.set()
    RELEASED.wait()
    return {}

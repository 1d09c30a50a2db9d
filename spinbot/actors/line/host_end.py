"""A host's end of the line: takes calls from the runner that is connected and runs them, one after another.

A runner that connects takes the place of the former one; the calls of one that is gone are stopped, since nobody waits
for them any more.
"""

from __future__ import annotations

import contextlib
import hmac
import pickle
import secrets
import socket
import threading
import time
from collections import deque
from functools import partial
from typing import Any, BinaryIO

from spinbot.actors.call import Answer, Call, Message, NotBegun, Said
from spinbot.actors.host import Host
from spinbot.actors.line.frames import HEAD, SECRET, Door, Hold, Ping, Run, Stop, TakeBack, pack

HOLD_S = 0.01
"""How long an answer may wait for those of calls behind it: each frame wakes the runner, which then stores a turn."""

GREETING_S = 5.0

Results = dict[str, dict[str, Any]]
"""Of the calls that were sent together, by call id."""


class HostEnd:
    """The end of all lines of one host, in threads of its own."""

    def __init__(self, host: Host, address: str) -> None:
        self._host = host
        self._listener = socket.create_server((address, 0))
        self.door = Door(address, self._listener.getsockname()[1], secrets.token_bytes(SECRET))
        self._work: deque[tuple[_Runner, Call, Results]] = deque()
        self._more = threading.Condition()
        self._lock = threading.Lock()
        self._runner: _Runner | None = None
        for work in (self._accept, self._compute):
            threading.Thread(target=work, name=f"line-{work.__name__}", daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._read, args=(connection,), name="line-read", daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        # OSError: the runner is gone, which is for its successor to mend, not for this process.
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as stream:
            connection.settimeout(GREETING_S)
            if not hmac.compare_digest(stream.read(SECRET), self.door.secret):
                return
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            runner = _Runner(connection)
            with self._lock:
                former, self._runner = self._runner, runner
            if former is not None:
                self._forget(former)
            try:
                self._obey(runner, stream)
            finally:
                self._forget(runner)

    def _obey(self, runner: _Runner, stream: BinaryIO) -> None:
        while len(head := stream.read(HEAD)) == HEAD:
            body = stream.read(int.from_bytes(head, "big"))
            match pickle.loads(body):
                case Run(calls):
                    runner.calls.update(call.id for call in calls)
                    with self._more:
                        results: Results = {}
                        self._work.extend((runner, call, results) for call in calls)
                        self._more.notify()
                case Stop(call):
                    if call in runner.calls:
                        self._host.cancel(call)
                case TakeBack(calls):
                    runner.give_back(self._take_out(set(calls)))
                case Hold(held):
                    self._host.hold(held)
                case Ping():
                    runner.flush()

    def _forget(self, runner: _Runner) -> None:
        runner.gone = True
        self._host.hold(False)
        for call in runner.calls.copy():
            self._host.cancel(call)

    def _take_out(self, calls: set[str]) -> list[str]:
        with self._more:
            taken = [call.id for _, call, _ in self._work if call.id in calls]
            self._work = deque(entry for entry in self._work if entry[1].id not in calls)
        return taken

    def _compute(self) -> None:
        while True:
            with self._more:
                self._more.wait_for(lambda: self._work)
                runner, call, results = self._work.popleft()
            if not runner.gone:
                answer = self._host.run(call, partial(runner.say, call.id), results)
                runner.answer(call.id, answer, last=not self._work)


class _Runner:
    """The runner at the other end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._said: list[tuple[str, Said]] = []
        self.calls: set[str] = set()
        self.gone = False
        self._flushed = 0.0

    def say(self, call: str, message: Message) -> None:
        """Send a message now, behind the answers that wait."""
        with self._lock:
            self._said.append((call, message))
        self.flush()

    def answer(self, call: str, answer: Answer | NotBegun, *, last: bool) -> None:
        """Send an answer, or keep it for up to `HOLD_S` where it is not the last."""
        self.calls.discard(call)
        with self._lock:
            self._said.append((call, answer))
        if last or time.monotonic() - self._flushed >= HOLD_S:
            self.flush()

    def give_back(self, calls: list[str]) -> None:
        """Say that these calls were not begun."""
        self.calls.difference_update(calls)
        with self._lock:
            self._said += [(call, NotBegun()) for call in calls]
        self.flush()

    def flush(self) -> None:
        """Send what waits."""
        with self._lock:
            said, self._said = self._said, []
            self._flushed = time.monotonic()
            try:
                self._connection.sendall(pack(said))
            except OSError:  # the thread that reads sees it too and forgets this runner
                self.gone = True

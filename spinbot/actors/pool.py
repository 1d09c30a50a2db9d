"""The pool: which host runs which call. Knows neither Ray nor threads; handles of hosts come from outside.

A host runs one call at a time; calls that are over in no time may be sent together. A call goes to an idle host that
has its engines loaded; if there is none it waits a moment for one that has, then takes any idle host, then a new
process is started, up to the group's limit. A process that had nothing to do for a while ends, except the group's
first. A call that does not stop when asked is ended with its process, which only calls share that were sent with it.

Calls of groups that are very nice, such as trainings, rest at their next step while others run on the same machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from spinbot.actors.call import Answer, Call, Hear, ModelEvicted, ModelLoaded, NotBegun, Said, Say
from spinbot.actors.host import load_engines
from spinbot.config import HostGroup, Settings
from spinbot.errors import CancelledError, HostLostError, InputError

log = logging.getLogger(__name__)

PATIENCE_S = 0.5
"""How long a call waits for a busy host before another process is started: starting one takes about a second."""

CALM_S = 0.3
"""How long no other call has run before nice ones go on: between the nodes of a job there are some 10 ms."""

DESCRIBE_S = 1.0

TAKE_BACK_S = 0.2
"""Calls sent together should be over in 0.05 s; where the first takes longer, the others need not wait for it."""


class HostHandle(Protocol):
    """One host, as the pool sees it."""

    machine: str
    """Where it is, once it is ready."""

    async def ready(self) -> None:
        """Wait until the process takes calls. Raises `HostLostError`."""
        ...

    async def run(self, calls: Sequence[Call], hear: Hear) -> None:
        """Run calls one after another, until all are answered. Raises `HostLostError`; some may be answered then."""
        ...

    def take_back(self, calls: Sequence[str]) -> None:
        """Do not begin these calls any more; those that have not are heard as `NotBegun`."""
        ...

    def hold(self, held: bool) -> None:
        """Let calls rest at their next step, or go on."""
        ...

    async def cancel(self, call_id: str) -> None:
        """Ask a call to stop at its next step. Raises `HostLostError`."""
        ...

    async def describe(self) -> dict[str, Any]:
        """What the host says of itself, see `Host.describe`. Raises `HostLostError`."""
        ...

    async def kill(self) -> None:
        """End the process now, whatever it does."""
        ...


StartHost = Callable[[str, HostGroup, str], Awaitable[HostHandle]]
"""`start(group name, group, host name)`: a handle of a new host."""


@dataclass(eq=False)
class _Seat:
    name: str
    handle: HostHandle
    engines: set[str] = field(default_factory=set)
    call: str | None = None
    gone: bool = False
    idle_since: float = 0.0


@dataclass(eq=False)
class _Ride:
    """Calls that go together, between their arrival and their end."""

    seat: _Seat | None = None
    cancelled: set[str] = field(default_factory=set)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Group:
    settings: HostGroup
    seats: list[_Seat] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    starting: int = 0

    def wake(self) -> None:
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)


class Pool:
    """Runs calls on host groups."""

    def __init__(self, hosts: Mapping[str, HostGroup], start: StartHost) -> None:
        self._start = start
        self._groups = {name: _Group(settings) for name, settings in hosts.items()}
        self._rides: dict[str, _Ride] = {}
        self._resting = [group for group in self._groups.values() if group.settings.rests]
        self._others: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._startings: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()

    def capacity(self, group: str) -> int:
        """How many calls the group can run at once when it is fully grown."""
        return self._groups[group].settings.processes

    def resident(self, group: str) -> set[str]:
        """Engines that some host of the group keeps in memory, as `slot/engine`."""
        return {engine for seat in self._groups[group].seats for engine in seat.engines}

    async def call(self, group: str, call: Call, hear: Say) -> Answer:
        """Run one call and return its answer. Raises as `run` does."""
        answers: list[Answer] = []

        def listen(_: str, said: Said) -> None:
            if isinstance(said, Answer):
                answers.append(said)
            elif not isinstance(said, NotBegun):  # one that is alone is not taken back
                hear(said)

        await self.run(group, [call], listen)
        return answers[0]

    async def run(self, group: str, calls: Sequence[Call], hear: Hear) -> None:
        """Run calls that need the same engines on one host, one after another; returns when all are answered.

        Those behind one that takes long are taken back and heard as `NotBegun`.

        Raises `HostLostError` where the process died, `CancelledError` where all were cancelled before one began.
        """
        ride = _Ride()
        self._rides |= {call.id: ride for call in calls}
        engines = {f"{slot}/{engine}" for slot, engine in calls[0].engines.items()}
        try:
            seat = ride.seat = await self._seat(group, engines, calls, ride)
        except BaseException:
            self._over(ride, calls)
            raise

        def listen(call: str, said: Said) -> None:
            if isinstance(said, ModelLoaded):
                seat.engines.add(f"{said.slot}/{said.engine}")
            elif isinstance(said, ModelEvicted):
                seat.engines.discard(f"{said.slot}/{said.engine}")
            hear(call, said)

        self._first(group, seat.handle.machine, 1)
        behind = [call.id for call in calls[1:]]
        late = asyncio.get_running_loop().call_later(TAKE_BACK_S, seat.handle.take_back, behind) if behind else None
        try:
            await seat.handle.run(calls, listen)
        except HostLostError:
            self._drop(group, seat)
            raise
        finally:
            if late:
                late.cancel()
            self._first(group, seat.handle.machine, -1)
            self._over(ride, calls)
            self._leave(group, seat)

    async def cancel(self, call_id: str, grace_s: float) -> None:
        """Ask a call to stop; where it has not after `grace_s` seconds, end its process. Unknown calls are gone."""
        ride = self._rides.get(call_id)
        if ride is None:
            return
        ride.cancelled.add(call_id)
        if ride.seat is None:
            for group in self._groups.values():
                group.wake()
            return
        with contextlib.suppress(HostLostError, TimeoutError):
            async with asyncio.timeout(grace_s):
                await ride.seat.handle.cancel(call_id)
                await ride.ended.wait()
        if not ride.ended.is_set():
            await ride.seat.handle.kill()
            await ride.ended.wait()

    async def preload(self, group: str, engines: Mapping[str, str], hear: Say, call_id: str) -> None:
        """Bring engines into memory where none of the group's hosts has them all."""
        wanted = {f"{slot}/{engine}" for slot, engine in engines.items()}
        if not any(wanted <= seat.engines for seat in self._groups[group].seats):
            await self.call(group, Call(call_id, load_engines, list(engines), engines), hear)

    def adopt(self, group: str, name: str, handle: HostHandle, engines: Iterable[str]) -> None:
        """Take in a host that runs already."""
        self._groups[group].seats.append(_Seat(name, handle, set(engines)))

    async def describe(self) -> dict[str, dict[str, Any]]:
        """What each host says of itself, by name, with its `group` and whether it is `busy`.

        One that does not answer within `DESCRIBE_S` says `{"group", "busy", "error"}`.
        """

        async def ask(group: str, seat: _Seat) -> tuple[str, dict[str, Any]]:
            known = {"group": group, "busy": seat.call is not None}
            try:
                async with asyncio.timeout(DESCRIBE_S):
                    return seat.name, known | await seat.handle.describe()
            except HostLostError as error:
                return seat.name, known | {"error": error.message}
            except TimeoutError:
                return seat.name, known | {"error": f"no answer within {DESCRIBE_S:g} s"}

        asked = [ask(name, seat) for name, group in self._groups.items() for seat in group.seats]
        return dict(await asyncio.gather(*asked))

    async def close(self) -> None:
        """End every host."""
        for task in self._startings:
            task.cancel()
        await asyncio.gather(*self._startings, return_exceptions=True)
        for group in self._groups.values():
            seats, group.seats = group.seats, []
            for seat in seats:
                await seat.handle.kill()

    def _first(self, name: str, machine: str, change: int) -> None:
        """A call begins (1) or ends (-1): those of groups that rest, on its machine, rest while there are others."""
        if self._groups[name].settings.rests:
            self._hold(machine, self._others[machine] > 0)
            return
        self._others[machine] += change
        if not any(group.seats for group in self._resting):
            return
        if change > 0:
            self._hold(machine, True)
        else:
            asyncio.get_running_loop().call_later(CALM_S, self._calm, machine)

    def _calm(self, machine: str) -> None:
        if not self._others[machine]:
            self._hold(machine, False)

    def _hold(self, machine: str, held: bool) -> None:
        for group in self._resting:
            for seat in group.seats:
                if seat.handle.machine == machine:
                    seat.handle.hold(held)

    def _over(self, ride: _Ride, calls: Sequence[Call]) -> None:
        for call in calls:
            del self._rides[call.id]
        ride.ended.set()

    async def _seat(self, name: str, engines: set[str], calls: Sequence[Call], ride: _Ride) -> _Seat:
        group = self._groups[name]
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + PATIENCE_S
        growing: asyncio.Task[None] | None = None
        while True:
            if len(ride.cancelled) == len(calls):
                raise CancelledError("cancelled before it began")
            impatient = loop.time() >= patient_until
            idle = [seat for seat in group.seats if seat.call is None]
            warm = [seat for seat in idle if engines <= seat.engines]
            if idle and not warm and (impatient or not any(engines <= seat.engines for seat in group.seats)):
                warm = idle
            if warm:
                warm[0].call = calls[0].id
                return warm[0]
            alive = len(group.seats) + group.starting
            if growing is not None and growing.done():
                growing.result()  # why the process did not start
                growing = None
            if growing is None and (alive == 0 or (impatient and alive < group.settings.processes)):
                growing = self._grow(name, group)
            waiter = loop.create_future()
            group.waiting.append(waiter)
            try:
                await asyncio.wait([waiter], timeout=None if impatient else patient_until - loop.time())
            finally:
                group.waiting.remove(waiter)

    def _grow(self, name: str, group: _Group) -> asyncio.Task[None]:
        """Start a process; nobody is bound to wait for it, should another be free sooner."""
        group.starting += 1
        host = f"{name}-{next(self._numbers)}"

        async def start() -> None:
            try:
                handle = await self._start(name, group.settings, host)
                try:
                    await handle.ready()
                except BaseException:
                    await handle.kill()
                    raise
                seat = _Seat(host, handle)
                group.seats.append(seat)
                self._rest(name, seat)
            finally:
                group.starting -= 1
                group.wake()

        task = asyncio.create_task(start())
        self._startings.add(task)
        task.add_done_callback(self._started)
        return task

    def _started(self, task: asyncio.Task[None]) -> None:
        self._startings.discard(task)
        if not task.cancelled() and (error := task.exception()):  # told to whoever asked for it, if it still waits
            log.info("a host did not start: %s", error)

    def _leave(self, name: str, seat: _Seat) -> None:
        seat.call = None
        self._groups[name].wake()
        self._rest(name, seat)

    def _rest(self, name: str, seat: _Seat) -> None:
        """The process has nothing to do from now on; unless that changes it ends after a while."""
        loop = asyncio.get_running_loop()
        group = self._groups[name]
        seat.idle_since = loop.time()
        if group.seats and seat is not group.seats[0] and not seat.gone:
            loop.call_later(group.settings.idle_s + 0.1, self._end_idle, name, seat)

    def _end_idle(self, name: str, seat: _Seat) -> None:
        group = self._groups[name]
        idle = asyncio.get_running_loop().time() - seat.idle_since
        if seat.call is None and seat in group.seats[1:] and idle >= group.settings.idle_s:
            self._drop(name, seat)
            ending = asyncio.ensure_future(seat.handle.kill())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    def _drop(self, name: str, seat: _Seat) -> None:
        seat.gone = True
        with contextlib.suppress(ValueError):  # another call's end may have dropped it
            self._groups[name].seats.remove(seat)


def group_for(slots: Iterable[str], hosts: Mapping[str, HostGroup]) -> str:
    """The first host group that serves all `slots`, the one with the fewest others. Raises `InputError`."""
    wanted = set(slots)
    fitting = [name for name, group in hosts.items() if wanted <= set(group.slots)]
    if not fitting:
        raise InputError(
            f"no host group serves the slots {', '.join(sorted(wanted))} together",
            hint="give one group of SPINBOT_HOSTS these slots",
            code="no_host",
        )
    return min(fitting, key=lambda name: len(hosts[name].slots))


def local_pool(settings: Settings) -> Pool:
    """A pool whose hosts are threads of this process: for unit tests and tools that need no cluster."""
    from spinbot.actors.local import start_local

    return Pool(settings.hosts, lambda _, group, name: start_local(group, settings, name))

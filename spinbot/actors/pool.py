"""Where calls run: the contract of a pool, and the pool that lives in this process.

`RayPool` (ray_pool.py) is the real one. `LocalPool` holds the very same hosts in threads: it serves unit tests and
tools that need no cluster. One contract test runs on both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from spinbot.actors.call import Call, Message
from spinbot.actors.host import Host
from spinbot.config import HostGroup, Settings
from spinbot.errors import InputError


class Pool(Protocol):
    """Runs calls on host groups."""

    def run(self, group: str, call: Call) -> AsyncIterator[Message]:
        """Yield the call's messages; the last is `Finished` or `Failed`. Raises `HostLostError`."""
        ...

    async def cancel(self, group: str, call_id: str) -> None:
        """Stop a call at its next step, also one that has not begun."""
        ...

    async def resident(self, group: str) -> dict[str, int]:
        """Bytes of each engine that the group's host keeps in memory, by `slot/engine`."""
        ...

    async def close(self) -> None:
        """End every host."""
        ...


def group_for(slots: Iterable[str], hosts: dict[str, HostGroup]) -> str:
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


class LocalPool:
    """Every host in this process, each lane a thread."""

    def __init__(self, settings: Settings) -> None:
        self._hosts = {name: Host(group, settings) for name, group in settings.hosts.items()}
        self._lanes = {name: asyncio.Semaphore(group.lanes) for name, group in settings.hosts.items()}

    async def run(self, group: str, call: Call) -> AsyncIterator[Message]:
        """See `Pool.run`."""
        async with self._lanes[group]:
            messages = self._hosts[group].run(call)
            try:
                while (message := await asyncio.to_thread(next, messages, None)) is not None:
                    yield message
            finally:
                await asyncio.to_thread(messages.close)

    async def cancel(self, group: str, call_id: str) -> None:
        """See `Pool.cancel`."""
        self._hosts[group].cancel(call_id)

    async def resident(self, group: str) -> dict[str, int]:
        """See `Pool.resident`."""
        return self._hosts[group].resident()

    async def close(self) -> None:
        """See `Pool.close`."""

"""What one replica of the API has behind it: the stores, and the cluster's services. It holds no state of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp

from spinbot.actors.machine import Cluster, Machine
from spinbot.actors.ray.machines import dashboard, ray_machines
from spinbot.actors.ray.services import GONE, ensure, node_address, this_node
from spinbot.actors.ray.serving import UNANSWERED
from spinbot.config import Settings
from spinbot.errors import OutageError
from spinbot.planner.plan import Plan
from spinbot.serve.api.app import build_api
from spinbot.serve.backend import Stores
from spinbot.serve.door import Door
from spinbot.serve.hub import Hub
from spinbot.serve.planner import unpacked
from spinbot.serve.pump import Pump
from spinbot.serve.runner import RunnerService
from spinbot.serve.watch import Fact

EVERYWHERE = ("0.0.0.0", "::")
WAKE_S = 1.0
WAKE_EVERY_S = 1.0
"""The runner hears of jobs by the hub, at once. A call to it, which takes both some 2 ms, is for one that has ended."""
HOSTS_S = 1.5
PLAN_S = 60.0
"""The planner gives its model 30 s, and may have to wait for the runner."""


class ReplicaBackend(Stores):
    """See `Backend`: jobs are run by the cluster's runner, and the cluster's hub tells what happens."""

    def __init__(self, settings: Settings, planner: Any, host: str) -> None:
        """`planner` is a handle of `PlannerService`; `host` the address that the service listens on."""
        super().__init__(settings)
        self._host = host
        self._door: Door | None = None
        self._planner = planner
        self._pump: Pump | None = None
        self._runner: Any = None
        self._stored = False
        self._waking: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[tuple[dict[str, Machine], str | None]] | None = None

    async def start(self, app: ASGIApp) -> None:
        """See `Backend.start`."""
        self._door = Door(app, self._host, self.settings.api.events_port)
        port = await self._door.open()
        machine = node_address() if self._host in EVERYWHERE else self._host
        self.events_url = f"ws://{f'[{machine}]' if ':' in machine else machine}:{port}/v1/events"
        self._pump = Pump(ensure("hub", Hub), self.feed)
        self._pump.start()
        await self.wake()

    async def stop(self) -> None:
        """See `Backend.stop`."""
        if self._door:
            await self._door.close()
        if self._pump:
            await self._pump.stop()
        self.engine.dispose()

    async def wake(self) -> None:
        """See `Backend.wake`. Nobody waits for it: a runner that is just being started again looks by itself."""
        self._stored = True
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._wake())

    async def tell(self, news: Sequence[Fact]) -> None:
        """See `Backend.tell`. Nobody waits for it: where the hub is gone, every pump sees that and doubts."""
        assert self._pump, "nothing is stored before `start`"
        self._pump.tell(news)

    async def _wake(self) -> None:
        while self._stored:  # what is stored while the runner is being woken needs another call
            self._stored = False
            await self._ask("wake", WAKE_S)
            await asyncio.sleep(WAKE_EVERY_S)

    async def trouble(self) -> str:
        """See `Backend.trouble`."""
        answer = await self._ask("home", WAKE_S)
        return f"the runner did not answer: {answer}" if isinstance(answer, Exception) else ""

    async def plan(self, prompt: str, portrait: str | None) -> Plan:
        """See `Backend.plan`."""
        try:
            async with asyncio.timeout(PLAN_S):
                return unpacked(await self._planner.plan.remote(prompt, portrait))
        except (TimeoutError, *UNANSWERED) as error:
            raise OutageError(
                f"the planner did not answer: {type(error).__name__}",
                hint="ask again in a moment, or name a template",
                code="no_planner",
            ) from error

    async def hosts(self) -> dict[str, dict[str, Any]]:
        """See `Backend.hosts`."""
        answer = await self._ask("hosts", HOSTS_S)
        return {"runner": {"error": f"did not answer: {answer}"}} if isinstance(answer, Exception) else answer

    async def cluster(self) -> Cluster:
        """See `Backend.cluster`."""
        if self._looking is None or self._looking.done():  # while the head is silent, one thread waits for it, not all
            self._looking = asyncio.create_task(asyncio.to_thread(self._look))
        (machines, page), hosts = await asyncio.gather(asyncio.shield(self._looking), self.hosts())
        said = {host["node"]: host for host in hosts.values() if host.get("node")}
        said[this_node()] = said.get(this_node(), {"cuda": []}) | {"system": self.meter.read()}
        measured = {
            node: machine.with_measured(said[node]["system"], said[node]["cuda"]) if node in said else machine
            for node, machine in machines.items()
        }
        return Cluster(machines=list(measured.values()), dashboard=page)

    def _look(self) -> tuple[dict[str, Machine], str | None]:
        return ray_machines(), dashboard() if self.settings.ray_address else None  # a private Ray has none

    async def _ask(self, method: str, wait_s: float) -> Any:
        """The runner's answer, or why there is none."""
        try:
            async with asyncio.timeout(wait_s):
                if self._runner is None:  # a handle outlives the actor's restarts, not its end
                    self._runner = await asyncio.to_thread(ensure, "runner", RunnerService, self.settings)
                return await getattr(self._runner, method).remote()
        except TimeoutError:
            return TimeoutError(f"not within {wait_s:g} s")
        except GONE as error:
            self._runner = None
            return error


def build_replica(settings: Settings, host: str, *, planner: Any) -> Any:
    """The API as an ASGI application that lives in a Ray process; `host` is the address that the proxy listens on."""
    return build_api(ReplicaBackend(settings, planner, host), host=host)

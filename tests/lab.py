"""A runner with its stores and one event loop for all jobs of a test file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tests.toys as toys
from spinbot.actors.pool import Pool, local_pool
from spinbot.config import HostGroup, Settings
from spinbot.graphs.runner import Runner, admit
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import Event, Job, JobStore


class CheckedRunner(Runner):
    """A runner whose every answer is compared with what is stored."""

    async def run(self, job: str) -> Job:
        ended = await super().run(job)
        assert ended == self.jobs.get(job)
        return ended


class Lab:
    """`pool_kind` is `local` or `ray`."""

    def __init__(self, home: Path, pool_kind: str, **settings: Any) -> None:
        self.settings = Settings(
            home=home,
            engines={"script": toys.TOY, "asr": toys.BROKEN},
            hosts={"language": HostGroup(slots=["script", "asr"]), "media": HostGroup(processes=4)},
            **settings,
        )
        self._loops = asyncio.Runner()
        self.loop = self._loops.get_loop()
        self.pool = self.loop.run_until_complete(self._pool(pool_kind))
        self.artifacts = LocalArtifacts(self.settings.artifacts_dir)
        self.database = connect(self.settings.database)
        self.jobs = JobStore(self.database)
        self.runner = self.another_runner()

    async def _pool(self, kind: str) -> Pool:
        if kind == "local":
            return local_pool(self.settings)
        from spinbot.actors.ray.pool import RayPool

        return RayPool(self.settings)

    def another_runner(self) -> Runner:
        return CheckedRunner(
            jobs=self.jobs,
            artifacts=self.artifacts,
            pool=self.pool,
            settings=self.settings,
            weights=lambda slot, engine: "w1",
        )

    def submit(self, nodes: dict[str, Any], *outputs: str, priority: int = 0) -> str:
        named = {name: link(name) for name in outputs or list(nodes)}
        document = {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": named}
        return admit(document, self.jobs, self.artifacts, self.settings, priority=priority)

    def run(self, nodes: dict[str, Any], *outputs: str) -> Job:
        return self.loop.run_until_complete(self.runner.run(self.submit(nodes, *outputs)))

    def wait(self, *works: Any) -> list[Any]:
        """Everything at once; the answers in order."""

        async def all_of_them() -> list[Any]:
            return list(await asyncio.gather(*works))

        return self.loop.run_until_complete(all_of_them())

    async def heard(self, wanted: Callable[[Event], bool], runner: Runner | None = None) -> Event:
        """The next event that is wanted."""
        found: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

        def hear(event: Event) -> None:
            if wanted(event) and not found.done():
                found.set_result(event)

        stop = (runner or self.runner).listen(hear)
        try:
            return await found
        finally:
            stop()

    def kinds(self, job: Job, node: str | None = None) -> list[str]:
        return [event.kind for event in self.jobs.events(job.id) if node in (None, event.node)]

    def hosts_at_rest(self) -> dict[str, dict[str, Any]]:
        """What the hosts say once none is busy: a job can end a moment before the host of its last node is free."""

        async def describe() -> dict[str, dict[str, Any]]:
            hosts = await self.pool.describe()
            while any(said["busy"] for said in hosts.values()):
                hosts = await self.pool.describe()
            return hosts

        return self.loop.run_until_complete(asyncio.wait_for(describe(), 20))

    def close(self) -> None:
        self.loop.run_until_complete(self.pool.close())
        self._loops.close()  # ends what still waits, such as the jobs of a runner that a test has abandoned
        self.database.dispose()


def link(node: str, output: str = "number") -> dict[str, str]:
    return {"node": node, "output": output}


def number(value: int, diary: Any = "", **extra: Any) -> dict[str, Any]:
    return {"type": "toy_number", "params": {"value": value, "diary": str(diary)}} | extra


def add(left: str, right: str, diary: Any = "") -> dict[str, Any]:
    return {"type": "toy_add", "params": {"diary": str(diary)}, "inputs": {"left": link(left), "right": link(right)}}

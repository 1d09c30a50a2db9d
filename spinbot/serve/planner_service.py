"""The planner beside the API, as a deployment of its own: what it works on holds up nobody's events."""

from __future__ import annotations

import asyncio
from typing import Any

from spinbot.actors.ray.services import GONE, ensure
from spinbot.config import Settings
from spinbot.errors import HostLostError, SpinbotError
from spinbot.graphs.nodes import register
from spinbot.models.store import ModelStore
from spinbot.planner.plan import Plan
from spinbot.planner.planner import PlanRequest
from spinbot.serve.planner import Planner, packed, unpacked
from spinbot.serve.runner import RunnerService
from spinbot.store.open_artifacts import open_artifacts


class PlannerService:
    """`Planner` whose model answers on the cluster's hosts, which are the runner's to use."""

    def __init__(self, settings: Settings) -> None:
        register(settings)
        self._settings = settings
        self._planner = Planner(
            settings,
            ModelStore.of(settings),
            open_artifacts(settings),
            self._ask,
        )

    async def plan(self, prompt: str, portrait: str | None) -> dict[str, Any]:
        """See `Planner.plan`; the answer is `packed`."""
        try:
            return packed(await self._planner.plan(prompt, portrait))
        except SpinbotError as error:
            return packed(error)

    async def _ask(self, request: PlanRequest) -> Plan:
        try:
            runner = await asyncio.to_thread(ensure, "runner", RunnerService, self._settings)
            return unpacked(await runner.plan.remote(request))
        except GONE as error:
            raise HostLostError("the runner is being started again") from error

"""The whole service on this machine, or on the cluster that `SPINBOT_RAY_ADDRESS` names: started and ended."""

from __future__ import annotations

import asyncio

from spinbot.actors.ray.services import ensure
from spinbot.actors.ray.serving import deploy, withdraw
from spinbot.actors.ray.session import RaySession
from spinbot.config import Settings
from spinbot.serve.hub import Hub
from spinbot.serve.planner_service import PlannerService
from spinbot.serve.replica import build_replica
from spinbot.serve.runner import RunnerService


class Service:
    """Runs from `start` until `stop`. On a cluster runner and hub stay when it stops, and so do the jobs that run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = RaySession(settings)

    def start(self, host: str, port: int, replicas: int) -> None:
        """Start what does not run yet; returns when `http://host:port/` answers. Raises `SpinbotError`."""
        self._session.wait()
        ensure("hub", Hub)
        ensure("runner", RunnerService, self._settings)
        deploy(
            build_replica,
            self._settings,
            host,
            host=host,
            port=port,
            replicas=replicas,
            beside={"planner": (PlannerService, self._settings)},
        )

    def stop(self) -> None:
        """Answer no more requests; a private Ray ends with all that runs in it."""
        if self._settings.ray_address:
            withdraw()
        asyncio.run(self._session.close())

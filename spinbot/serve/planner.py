"""The planner as a service: prompts become plans, by a language model where one answers.

Holds no state: any number of it may run, and one that dies loses nothing but the question it was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Container
from typing import Any

from spinbot.actors.call import Call
from spinbot.actors.pool import Pool, group_for
from spinbot.config import Settings
from spinbot.errors import GraphError, InputError, SpinbotError
from spinbot.models.store import ModelStore
from spinbot.planner.manifest import Manifest, capabilities
from spinbot.planner.plan import Plan
from spinbot.planner.planner import PlanRequest, plan_in_host, plan_prompt

ANSWER_S = 30.0
"""How long the model may take: 0.3 s once loaded, 15 s cold on a busy machine. Its process may be writing a script."""

MANIFEST_S = 10.0
"""What is installed is looked at again after so many seconds."""

log = logging.getLogger(__name__)

Ask = Callable[[PlanRequest], Awaitable[Plan]]
"""Plans where the model is. Raises `SpinbotError` where that is not possible."""


class Planner:
    """Plans prompts."""

    def __init__(self, settings: Settings, models: ModelStore, artifacts: Container[str], ask: Ask) -> None:
        self._settings = settings
        self._models = models
        self._artifacts = artifacts
        self._ask = ask
        self._manifest: tuple[float, Manifest] | None = None

    async def plan(self, prompt: str, portrait: str | None) -> Plan:
        """See `plan_prompt`: without the model where that does not answer, and the plan's notes say so.

        Raises `InputError`, `GraphError`.
        """
        request = PlanRequest(prompt, await asyncio.to_thread(self._capabilities), self._settings, portrait)
        try:
            return await self._ask(request)
        except (InputError, GraphError):
            raise
        except SpinbotError as error:
            log.warning("planning without a model: %s", error)
            plan = await asyncio.to_thread(self._without_model, request)
            return plan.model_copy(update={"notes": [*plan.notes, f"the language model did not answer: {error}"]})

    def _without_model(self, request: PlanRequest) -> Plan:
        return plan_prompt(
            request.prompt,
            request.manifest,
            None,
            request.portrait,
            artifacts=self._artifacts,
            settings=self._settings,
        )

    def _capabilities(self) -> Manifest:
        now = time.monotonic()
        if self._manifest is None or now - self._manifest[0] > MANIFEST_S:
            self._manifest = now, capabilities(self._settings, self._models)
        return self._manifest[1]


async def plan_on(pool: Pool, request: PlanRequest) -> Plan:
    """Plan on a host that has the script engine. Raises `SpinbotError`, among them `InputError` for the prompt."""
    settings = request.settings
    call = Call(f"plan/{uuid.uuid4().hex[:12]}", plan_in_host, request, {"script": settings.engines["script"]})
    asked = asyncio.ensure_future(pool.call(group_for(["script"], settings.hosts), call, lambda _: None))
    done, _ = await asyncio.wait([asked], timeout=ANSWER_S)
    if not done:
        await pool.cancel(call.id, settings.cancel_grace_s)
        with contextlib.suppress(SpinbotError):
            await asked
        raise SpinbotError(f"not within {ANSWER_S:g} s", hint="it may be writing a script", code="busy")
    answer = asked.result()
    if answer.error is not None:
        raise SpinbotError.from_dict(answer.error)
    return Plan.model_validate(answer.result)


def packed(work: Plan | SpinbotError) -> dict[str, Any]:
    """A plan or why there is none, for the way between processes: Ray wraps what is raised."""
    return {"error": work.to_dict()} if isinstance(work, SpinbotError) else {"plan": work.model_dump(mode="json")}


def unpacked(answer: dict[str, Any]) -> Plan:
    """The plan of `packed`. Raises what there was in its place."""
    if "error" in answer:
        raise SpinbotError.from_dict(answer["error"])
    return Plan.model_validate(answer["plan"])

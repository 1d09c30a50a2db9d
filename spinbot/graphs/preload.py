"""Loading ahead: once one node really runs, the other hosts load meanwhile what later nodes will ask for."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping

from spinbot.actors.call import Message, ModelEvicted, ModelLoaded, ModelLoading
from spinbot.actors.pool import Pool, group_for
from spinbot.config import Settings
from spinbot.errors import SpinbotError
from spinbot.graphs.plan import Plan
from spinbot.store.node_runs import DONE

log = logging.getLogger(__name__)


def wanted(plan: Plan, settings: Settings, besides: str) -> dict[str, dict[str, str]]:
    """Engine by slot that the unfinished nodes ask for, by host group; all groups but `besides`."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for step in plan.steps.values():
        if step.run.state in DONE:
            continue
        for slot in (*step.kind.slots, *step.kind.inner_slots):
            if (group := group_for([slot], settings.hosts)) != besides:
                found[group][slot] = step.spec.engine.get(slot, settings.engines[slot])
    return found


async def preload(
    pool: Pool, job: str, group: str, engines: Mapping[str, str], hear: Callable[[Message], None]
) -> None:
    """Load engines on a host of `group`; `hear` gets what is said of models. One that cannot load is only logged."""

    def hear_of_models(message: Message) -> None:
        if isinstance(message, ModelLoading | ModelLoaded | ModelEvicted):
            hear(message)

    try:
        await pool.preload(group, engines, hear_of_models, f"{job}/preload/{group}")
    except SpinbotError as error:  # the node that needs the engine says the same, with the same words
        log.info("preloading %s: %s", group, error)

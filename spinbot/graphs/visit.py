"""A visit: one ready node on its way to a host and back; and what it says there, as events of its job."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spinbot.actors.call import (
    Call,
    Figured,
    Message,
    ModelEvicted,
    ModelLoaded,
    ModelLoading,
    Noted,
    Partial,
    Previewed,
    Progressed,
    Said,
    Saved,
)
from spinbot.actors.pool import Pool, group_for
from spinbot.config import Settings
from spinbot.errors import HostLostError, NodeError, SpinbotError
from spinbot.graphs.execute import Unready, engines_of, node_key, run_node
from spinbot.graphs.graph import Retry
from spinbot.graphs.lanes import Place, Ticket
from spinbot.graphs.node import Node
from spinbot.graphs.plan import Step
from spinbot.store.ledger import Turn

log = logging.getLogger(__name__)

FORESEEN = 0.05
"""Share of a node that must be done before the time that is left is told: what came first may have been a load."""

HOST_ATTEMPTS = 3
"""A host that died three times under the same node will die a fourth time."""

KINDS: dict[type[Message], str] = {
    Noted: "log",
    Partial: "node.partial",
    Figured: "node.figures",
    Previewed: "node.preview",
    ModelLoading: "model.loading",
    ModelLoaded: "model.loaded",
    ModelEvicted: "model.evicted",
}
"""Event kinds of the messages that are stored as they are."""


@dataclass(eq=False, slots=True)
class Visit:
    """A ready node: described, queued for a host, running there."""

    name: str
    step: Step
    node: Node | Unready
    engines: dict[str, str]
    group: str
    ready: float
    ticket: Ticket | None = None
    place: Place | None = None
    call: Call | None = None
    stopped_for: SpinbotError | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def key(self) -> str | None:
        """The node's cache key; None where it wants no cache."""
        return self.step.run.key

    def begin(self, job: str, number: str, place: Place, turn: Turn) -> None:
        """The node is let in: its next attempt begins with this turn, as call `number` of the job.

        No number comes twice, not even for an attempt that did not begin: the call it went with may still run then.
        """
        run = self.step.run
        self.ticket, self.place = None, place
        run.state, run.error, run.started, run.finished = "running", None, time.time(), None
        run.attempt += 1
        self.call = Call(f"{job}/{self.name}/{number}", run_node, self.node, self.engines, run.checkpoint)
        turn.change(run, {"type": self.node.type, "attempt": run.attempt, "ready": self.ready})

    def take_back(self, turn: Turn) -> None:
        """The attempt does not begin after all: nothing of it stays in the turn."""
        run = self.step.run
        run.state, run.started = "pending", None
        run.attempt -= 1
        del turn.rows[self.name]
        turn.events = [event for event in turn.events if event[1:3] != ("node.running", self.name)]

    def undo(self, turn: Turn) -> None:
        """The attempt was stored as begun, and did not: the host was held up by another."""
        run = self.step.run
        run.state, run.started = "pending", None
        run.attempt -= 1
        turn.change(
            run,
            {"why": "it did not begin: the node before it took long, or what it needs did not come"},
            "node.interrupted",
        )

    def tell(self, message: Message, turn: Turn) -> None:
        """Add to the turn what the running call says."""
        run = self.step.run
        if isinstance(message, Progressed):
            data: dict[str, Any] = {"fraction": round(message.fraction, 4), "message": message.message, "eta_s": None}
            if message.fraction >= FORESEEN and run.started is not None:
                data["eta_s"] = round((time.time() - run.started) * (1 / message.fraction - 1), 1)
            turn.say("node.progress", self.name, data)
        elif isinstance(message, Saved):
            run.checkpoint = message.state
            turn.change(run, {"checkpoint": message.state}, "node.saved")
        else:
            turn.say(KINDS[type(message)], self.name, dict(vars(message)))


def describe(
    name: str, step: Step, fields: dict[str, Any], settings: Settings, weights: Callable[[str, str], str]
) -> Visit:
    """A visit of a node whose needs are done; its row gets engines and cache key.

    Raises `pydantic.ValidationError` where a linked value is not what the node takes.
    """
    node = step.kind.model_validate(fields)
    engines = engines_of(step.spec, settings)
    step.run.engines = {f"{slot}/{engine}": weights(slot, engine) for slot, engine in engines.items()}
    step.run.key = None if step.spec.cache == "off" else node_key(node, step.run.engines)
    return Visit(name, step, node, engines, group_for(step.kind.slots, settings.hosts), time.time())


async def send(visits: Sequence[Visit], pool: Pool, hear: Callable[[Visit, Said], None]) -> SpinbotError | None:
    """Bring calls of one group to a host together; None once all are answered, else why the others have no answer."""
    by_call = {visit.call.id: visit for visit in visits if visit.call is not None}
    calls = [visit.call for visit in visits if visit.call is not None]
    try:
        await pool.run(visits[0].group, calls, lambda call, said: hear(by_call[call], said))
    except SpinbotError as error:
        return error
    except Exception as error:  # a defect of the pool must not leave nodes running for ever
        log.exception("calls %s failed", list(by_call))
        return NodeError(f"{type(error).__name__}: {error}", code="internal")
    return None


def retry_after(error: SpinbotError, retry: Retry, attempts: int, losses: int) -> float | None:
    """Seconds until a node is tried again; None where it is not: what is wrong now will be wrong then.

    `attempts` have begun so far, `losses` of them ended because their process died: those are not the node's fault and
    have a limit of their own.
    """
    if isinstance(error, HostLostError):
        return retry.backoff_s * 2 ** (losses - 1) if losses < HOST_ATTEMPTS else None
    tries = attempts - losses
    return retry.backoff_s * 2 ** (tries - 1) if error.transient and tries < retry.attempts else None

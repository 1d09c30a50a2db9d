"""Why no further node of a job starts, and what the job is to become."""

from __future__ import annotations

from dataclasses import dataclass

from spinbot.errors import CancelledError, SpinbotError
from spinbot.store.jobs import JobState
from spinbot.store.node_runs import NodeState


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a job, or its pause."""

    state: JobState
    error: SpinbotError | None = None
    rest: NodeState = "skipped"
    """What the nodes become that have not ended."""

    @property
    def final(self) -> bool:
        """Whether nodes that run are to be stopped; those of a job that only pauses come to their end."""
        return self.state != "paused"


PAUSED = Stop("paused")


def cancelled(job: str) -> Stop:
    """The end that a user asked for."""
    hint = f"go on from the finished nodes: spinbot jobs retry {job}"
    return Stop("cancelled", CancelledError("cancelled", hint=hint), rest="cancelled")

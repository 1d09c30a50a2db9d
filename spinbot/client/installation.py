"""The operations on the installation as a whole: who asks, what there is, machines, models and the queue."""

from __future__ import annotations

import uuid
from urllib.parse import quote

from spinbot.client.machines import Cluster
from spinbot.client.models import (
    Capabilities,
    JobSummary,
    Me,
    Model,
    NodeType,
    Queue,
    QueueHistory,
    Template,
    Voice,
)
from spinbot.client.operations import Operations
from spinbot.client.wire import Ask


class Installation(Operations):
    """See `AsyncClient`."""

    async def me(self) -> Me:
        """Who the service takes this client for, and what it may do."""
        return await self._get(Me, Ask("GET", "/v1/me"))

    async def capabilities(self) -> Capabilities:
        """What can be asked for, and what runs at the moment."""
        return await self._get(Capabilities, Ask("GET", "/v1/capabilities"))

    async def cluster(self) -> Cluster:
        """The machines, what is in use of them, and where else to look."""
        return await self._get(Cluster, Ask("GET", "/v1/cluster"))

    async def node_types(self) -> list[NodeType]:
        """What graphs may be made of."""
        return await self._list(NodeType, Ask("GET", "/v1/node-types"))

    async def templates(self) -> list[Template]:
        """What can be asked for by name."""
        return await self._list(Template, Ask("GET", "/v1/templates"))

    async def models(self) -> list[Model]:
        """The models of the catalogue."""
        return await self._list(Model, Ask("GET", "/v1/models"))

    async def pull_model(self, model: str) -> JobSummary:
        """Begin to install a model; the job's events say how far it is, and cancelling it stops the download.

        Needs a key with the scope admin. One that is installed is a job that succeeds at once. Raises `NotFoundError`.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return await self._get(JobSummary, Ask("POST", f"/v1/models/{quote(model, safe='')}/pull", headers=headers))

    async def voices(self) -> list[Voice]:
        """The voices of all speech engines; those of the engine in use come first, its default before all."""
        return await self._list(Voice, Ask("GET", "/v1/audio/voices"))

    async def queue(self) -> Queue:
        """Whether the queue is paused, and how many jobs there are in each state."""
        return await self._get(Queue, Ask("GET", "/v1/queue"))

    async def queue_history(self, hours: float = 24.0, points: int = 96) -> QueueHistory:
        """How many jobs waited, ran and ended in the last `hours`, at as many `points` of time."""
        query = {"hours": hours, "points": points}
        return await self._get(QueueHistory, Ask("GET", "/v1/queue/history", query=query))

    async def pause_queue(self) -> Queue:
        """Begin no further job; those that run go on. Needs a key with the scope admin."""
        return await self._get(Queue, Ask("POST", "/v1/queue/pause"))

    async def resume_queue(self) -> Queue:
        """Begin queued jobs again. Needs a key with the scope admin."""
        return await self._get(Queue, Ask("POST", "/v1/queue/resume"))

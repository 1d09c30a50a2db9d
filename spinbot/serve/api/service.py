"""What every route works with: the backend and what stands around it, one of each in a process."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Container
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from spinbot.config import Settings
from spinbot.media import portraits
from spinbot.planner.past import Past, read_past
from spinbot.serve.api.metrics import Metrics
from spinbot.serve.api.quota import Quota
from spinbot.serve.backend import Backend
from spinbot.serve.watch import Touched
from spinbot.store.artifacts import artifact_ids
from spinbot.store.audit import Audit
from spinbot.store.jobs import Event, JobSummary
from spinbot.store.keys import Identity, Keys
from spinbot.store.profiles import Profiles
from spinbot.store.reviews import Reviews
from spinbot.store.switches import Switches
from spinbot.store.tickets import Tickets
from spinbot.store.uploads import Uploads

PAST_S = 30.0
"""What was learned from past jobs is read again after so many seconds."""


class Service:
    """The stores behind the API. Nothing of a job lives here."""

    def __init__(self, backend: Backend, *, keys_required: bool) -> None:
        engine = backend.jobs.engine
        self.backend = backend
        self.keys_required = keys_required
        self.settings: Settings = backend.settings
        self.jobs = backend.jobs
        self.artifacts = backend.artifacts
        self.feed = backend.feed
        self.keys = Keys(engine)
        self.uploads = Uploads(engine)
        self.profiles = Profiles(engine)
        self.reviews = Reviews(engine)
        self.tickets = Tickets(engine)
        self.switches = Switches(engine)
        self.audit = Audit(engine)
        self.metrics = Metrics()
        self.quota = Quota(backend.jobs, self.settings.queue.open_of_owner)
        self._past: tuple[float, Past] | None = None
        self._reading_past = threading.Lock()
        self.sockets = 0
        """WebSocket clients of this process."""

    @cached_property
    def stock(self) -> dict[str, str]:
        """The portraits that come with spinbot, by artifact id: everybody may use them."""
        digests = {name: hashlib.sha256(portraits.path(name).read_bytes()).hexdigest() for name in portraits.NAMES}
        return {f"sha256:{digest}": name for name, digest in digests.items()}

    def past(self) -> Past:
        """What was learned from past jobs, some seconds ago at most. Raises `StorageError`."""
        with self._reading_past:  # many may ask for jobs at one moment
            if self._past is None or time.monotonic() - self._past[0] > PAST_S:
                self._past = time.monotonic(), read_past(self.jobs.engine)
            return self._past[1]

    def readable(self, document: Any, owner: str) -> Container[str]:
        """The artifacts named in a JSON value that are stored and that the owner may read."""
        named = set(artifact_ids(document))
        if not named:
            return ()
        for artifact in named & self.stock.keys():
            if artifact not in self.artifacts:
                self.artifacts.put_file(portraits.path(self.stock[artifact]))
        allowed = self.uploads.readable(named, owner) | (named & self.stock.keys())
        return {artifact for artifact in allowed if artifact in self.artifacts}

    async def summary(self, job: str, caller: Identity) -> JobSummary:
        """How a job of the caller stands. Raises `NotFoundError`."""
        return await asyncio.to_thread(self.jobs.summary, job, caller.owner)

    async def queued(self, job: str, after: int = 0) -> None:
        """Tell all who follow that a job was queued, with an event behind `after`: its runner tells what comes then."""
        await self.backend.tell(await asyncio.to_thread(self.queued_events, job, after))

    def queued_events(self, job: str, after: int = 0) -> list[Event]:
        """The stored events behind `after` that say that the job was queued."""
        return [event for event in self.jobs.events(job, after) if event.kind == "job.queued"]

    async def touched(self, owner: str) -> None:
        """Tell all who watch the owner's jobs that one has changed without an event."""
        await self.backend.tell([Touched(owner)])


async def _service(connection: HTTPConnection) -> Service:  # FastAPI runs what is not async in a thread: 0.2 ms
    service: Service = connection.app.state.service
    return service


Api = Annotated[Service, Depends(_service)]
"""The parameter by which a route gets it."""

"""A service as the place where jobs are run: everything over HTTP, by the client."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from spinbot import client
from spinbot.cli.people import RemotePeople
from spinbot.cli.place import ModelRow, Place, Timing, VoiceRow
from spinbot.errors import InputError, NotFoundError
from spinbot.graphs.graph import Graph
from spinbot.store.jobs import Event, Job, JobState, JobSummary, Verdict, Wish
from spinbot.store.node_runs import NodeRun, NodeState


class Remote(Place):
    """The service at a URL; SPINBOT_API_KEY holds its key."""

    jobs: RemoteJobs
    artifacts: RemoteFiles
    people: RemotePeople

    def __init__(self, url: str) -> None:
        self._client = client.Client(url)
        self.jobs = RemoteJobs(self._client)
        self.artifacts = RemoteFiles(self._client)
        self.people = RemotePeople(self._client)

    def close(self) -> None:
        """Close the connections and throw away what was downloaded on the way."""
        self.artifacts.close()
        self._client.close()

    def runs(self) -> AbstractAsyncContextManager[RemoteRuns]:
        """See `Place.runs`."""
        return self._runs()

    @asynccontextmanager
    async def _runs(self) -> AsyncIterator[RemoteRuns]:
        async with client.AsyncClient(self._client.url) as following:
            runs = RemoteRuns(self._client, following, self.jobs.told)
            try:
                yield runs
            finally:
                await runs.close()

    def parse(self, document: Any) -> Graph:
        """See `Place.parse`."""
        if not isinstance(document, dict):
            raise InputError("a graph is a JSON object", hint="see docs/graphs.md", code="bad_graph")
        return Graph.model_validate(self._client.plan(graph=document).graph)

    def prepare(self, documents: Iterable[dict[str, Any]], console: Console) -> None:
        """See `Place.prepare`; the service has its own models."""

    def engine(self, slot: str, name: str = "") -> str:
        """See `Place.engine`."""
        slots = self._slots
        if slot not in slots:
            raise NotFoundError(f"there is no slot {slot!r}", hint=f"slots: {', '.join(slots)}", code="unknown_slot")
        known = [str(engine["name"]) for engine in slots[slot]["engines"]]
        if name and name not in known:
            hint = f"engines: {', '.join(known)}"
            raise NotFoundError(f"slot {slot} has no engine {name!r}", hint=hint, code="unknown_engine")
        return name or str(slots[slot]["default"])

    @cached_property
    def _slots(self) -> dict[str, dict[str, Any]]:
        return self._client.capabilities().slots

    def voices(self) -> list[VoiceRow]:
        """See `Place.voices`."""
        return [
            VoiceRow(voice.name, voice.engine, voice.language, voice.description) for voice in self._client.voices()
        ]

    def catalogue(self) -> list[ModelRow]:
        """See `Place.catalogue`."""
        return [
            ModelRow(
                name=model.id,
                slot=model.slot,
                bytes=model.bytes,
                installed=model.installed,
                optional=False,  # which ones the service could do without it does not say
                title=model.title,
                about=model.model_dump(),
            )
            for model in self._client.models()
        ]

    def node_types(self) -> list[dict[str, Any]]:
        """See `Place.node_types`."""
        return [kind.model_dump() for kind in self._client.node_types()]

    def waiting(self) -> list[str]:
        """See `Place.waiting`: what is queued, the oldest first."""
        return [job.id for job in self._client.jobs(states=("queued",))][::-1]

    def abandoned(self) -> set[str]:
        """See `Place.abandoned`; a service sees to its jobs itself."""
        return set()

    def carry_out(self, job: str, wish: Wish, console: Console) -> Job:
        """See `Place.carry_out`."""
        asked = self._client.cancel(job) if wish == "cancel" else self._client.pause(job)
        for name, node in self._client.job(job).nodes.items():
            if node.state == "running":
                console.print(f"waiting for node {name} to {'end' if wish == 'pause' else 'stop'}")
        return job_of(self._client.wait(job, after=asked.events))

    def edit(self, job: Job, sentence: int, text: str, console: Console) -> Job:
        """See `Place.edit`."""
        return self.run_job(self._client.edit(job.id, sentence, text).id, console)

    def timing(self, job: str) -> Timing:
        """See `Place.timing`."""
        found = self._client.trace(job)
        return Timing(found.document, found.seconds, found.covered, found.chain)


class RemoteJobs:
    """See `Jobs`."""

    def __init__(self, service: client.Client) -> None:
        self._client = service
        self.told: dict[str, int] = {}
        """The last event from before `reopen`, by job."""

    def get(self, job: str) -> Job:
        """See `Jobs.get`."""
        return job_of(self._client.job(job))

    def recent(self, limit: int) -> list[JobSummary]:
        """See `Jobs.recent`."""
        return [JobSummary(**_summary(job)) for job in self._client.jobs(limit=limit)]

    def events(self, job: str) -> list[Event]:
        """See `Jobs.events`."""
        newest = self._client.job(job).events
        found: list[Event] = []
        events = self._client.events(job)
        while len(found) < newest:
            found.append(event_of(next(events)))
        return found

    def reopen(self, job: str) -> None:
        """See `Jobs.reopen`."""
        found = self._client.job(job)
        self.told[job] = found.events
        if found.state in ("failed", "cancelled"):
            self._client.retry(job)
        else:
            self._client.resume(job)

    def delete(self, job: str) -> None:
        """See `Jobs.delete`."""
        self._client.delete(job)


class RemoteFiles:
    """See `Files`: uploads, and downloads to a folder that lasts until `close`."""

    def __init__(self, service: client.Client) -> None:
        self._client = service
        self._folder = tempfile.TemporaryDirectory(prefix="spinbot-")
        self._console = Console(stderr=True, highlight=False)

    def close(self) -> None:
        """Throw away what was downloaded."""
        self._folder.cleanup()

    def put_bytes(self, data: bytes) -> str:
        """See `Files.put_bytes`."""
        return self._put(data, "upload")

    def put_file(self, source: Path) -> str:
        """See `Files.put_file`."""
        return self._put(source, source.name)

    def path(self, artifact: str) -> Path:
        """See `Files.path`."""
        target = Path(self._folder.name) / artifact.removeprefix("sha256:")
        if not target.exists():
            with self._console.status("downloading") as status:
                self._client.download(artifact, target, _percent(status.update, "downloading"))
        return target

    def _put(self, source: Path | bytes, name: str) -> str:
        with self._console.status("uploading") as status:
            return self._client.upload(source, _percent(status.update, "uploading"), name=name).artifact


class RemoteRuns:
    """See `Runs`: the service runs jobs, whether anybody follows or not."""

    def __init__(self, service: client.Client, following: client.AsyncClient, told: dict[str, int]) -> None:
        self._client = service
        self._following = following
        self._told = told
        self._listeners: list[Callable[[Event], None]] = []
        self._asking: list[asyncio.Task[None]] = []

    async def close(self) -> None:
        """Wait until what was asked has been said."""
        await asyncio.gather(*self._asking, return_exceptions=True)

    def submit(self, document: Any, *, profile: str | None = None) -> str:
        """See `Runs.submit`."""
        return self._client.submit(graph=document, profile=profile).id

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """See `Runs.listen`; only events of jobs that `run` follows are heard."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def ask(self, job: str, wish: Wish) -> None:
        """See `Runs.ask`; does not wait for the answer."""
        self._asking.append(asyncio.create_task(self._ask(job, wish)))

    async def run(self, job: str) -> Job:
        """See `Runs.run`. All is heard that happened since the job was submitted or taken up again."""
        return job_of(await self._following.wait(job, self._hear, after=self._told.get(job, 0)))

    async def _ask(self, job: str, wish: Wish) -> None:
        await (self._following.cancel(job) if wish == "cancel" else self._following.pause(job))

    def _hear(self, event: client.Event) -> None:
        for listener in list(self._listeners):
            listener(event_of(event))


def event_of(event: client.Event) -> Event:
    """What the client answers as what the commands know."""
    return Event(event.job, event.seq, event.time, event.kind, event.node, event.data)


def job_of(job: client.Job) -> Job:
    """What the client answers as what the commands know; who runs it is the service's affair."""
    nodes = {
        name: NodeRun(
            node=name,
            state=cast(NodeState, node.state),
            attempt=node.attempt,
            outputs=node.outputs,
            engines=node.engines,
            error=node.error,
            started=node.started,
            finished=node.finished,
        )
        for name, node in job.nodes.items()
    }
    return Job(**_summary(job), graph=job.graph, nodes=nodes)


def _summary(job: client.JobSummary) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "title": job.title,
        "owner": "",
        "state": cast(JobState, job.state),
        "error": job.error,
        "outputs": job.outputs,
        "events": job.events,
        "priority": job.priority,
        "wish": cast("Wish | None", job.wish),
        "runner": None,
        "epoch": 0,
        "lease_until": 0.0,
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
        "review": cast("Verdict | None", job.review),
        "note": job.note,
    }


def _percent(show: Callable[[str], None], what: str) -> client.OnProgress:
    return lambda done, total: show(f"{what} {done / max(total, 1):.0%} of {total / 1e6:.1f} MB")

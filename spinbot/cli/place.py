"""Where jobs are run: what the commands need of it, and running a job there while showing how it goes.

`Studio` (studio.py) is this machine or its cluster, `Remote` (remote.py) a service that is reached over HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvloop
from rich.console import Console

from spinbot.cli.display import JobDisplay
from spinbot.errors import CancelledError, InputError, SpinbotError
from spinbot.graphs.graph import Graph
from spinbot.store.jobs import Event, Job, JobSummary, Wish
from spinbot.store.profiles import Profile


@dataclass(frozen=True)
class VoiceRow:
    """A voice of a speech engine."""

    name: str
    engine: str
    language: str
    description: str


@dataclass(frozen=True)
class ModelRow:
    """A model of the catalogue. `about` is all that is known of it, as JSON."""

    name: str
    slot: str
    bytes: int
    installed: bool
    optional: bool
    title: str
    about: dict[str, Any]


@dataclass(frozen=True)
class Gone:
    """What goes with a profile: parts by kind and number, jobs and files."""

    parts: list[str]
    jobs: list[str]
    artifacts: list[str]


@dataclass(frozen=True)
class Timing:
    """Where a job's time went: `document` for trace viewers, `covered` a share of 0 to 1, `chain` node by node."""

    document: dict[str, Any]
    seconds: float
    covered: float
    chain: list[dict[str, Any]]


class Jobs(Protocol):
    """The jobs of a place. All raise `NotFoundError` for one that is not there."""

    def get(self, job: str) -> Job:
        """A job with its nodes and its graph."""
        ...

    def recent(self, limit: int) -> list[JobSummary]:
        """The newest jobs first."""
        ...

    def events(self, job: str) -> list[Event]:
        """All events so far."""
        ...

    def reopen(self, job: str) -> None:
        """Queue a paused, failed or cancelled job again. Raises `InputError` for one that succeeded."""
        ...

    def delete(self, job: str) -> None:
        """Forget an ended job. Raises `InputError` for one that may still run."""
        ...


class Files(Protocol):
    """The artifacts of a place."""

    def put_bytes(self, data: bytes) -> str:
        """Store `data` and return its id."""
        ...

    def put_file(self, source: Path) -> str:
        """Store a copy of a file and return its id."""
        ...

    def path(self, artifact: str) -> Path:
        """Where the bytes can be read on this machine."""
        ...


class People(Protocol):
    """The profiles of a place, by name. All but `all` and `create` raise `NotFoundError` for one that is not there."""

    def all(self) -> list[Profile]:
        """All profiles."""
        ...

    def get(self, name: str) -> Profile:
        """A profile with its parts."""
        ...

    def create(self, name: str, voice: str) -> None:
        """A new profile. Raises `InputError` for a name that is none or taken."""
        ...

    def attest(self, name: str, person: str, purpose: str, sample: str | None) -> None:
        """Put on record what the person agreed to."""
        ...

    def add_portrait(self, name: str, artifact: str) -> None:
        """Make a stored picture the portrait."""
        ...

    def delete(self, name: str, dry_run: bool) -> Gone:
        """Delete a profile with everything made of it, or say what would go."""
        ...


class Runs(Protocol):
    """Who runs the jobs of a place."""

    def submit(self, document: Any, *, profile: str | None = None) -> str:
        """Check a graph document and store it as a queued job; answers its id. Raises `GraphError`.

        `profile` is the id of the one that the job uses.
        """
        ...

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` for each event from now on; the function returned ends that."""
        ...

    def ask(self, job: str, wish: Wish) -> None:
        """Ask for the pause or the end of a job. Raises `InputError` for one that has ended."""
        ...

    async def run(self, job: str) -> Job:
        """See a stored job to its end or its pause, and return it."""
        ...


class Place(ABC):
    """Where jobs are run."""

    jobs: Jobs
    artifacts: Files
    people: People

    @abstractmethod
    def runs(self) -> AbstractAsyncContextManager[Runs]:
        """Who runs jobs, as long as the context lasts."""

    @abstractmethod
    def parse(self, document: Any) -> Graph:
        """The graph of a document that passes every check. Raises `GraphError` with all faults in `details`."""

    @abstractmethod
    def prepare(self, documents: Iterable[dict[str, Any]], console: Console) -> None:
        """See that graphs can be run: fetch what they need. Raises `ModelError`, `StorageError`."""

    @abstractmethod
    def engine(self, slot: str, name: str = "") -> str:
        """The engine of a slot: the one that is set up, or `name` if there is such a one. Raises `NotFoundError`."""

    @abstractmethod
    def voices(self) -> list[VoiceRow]:
        """The voices of all speech engines, the default of each first."""

    @abstractmethod
    def catalogue(self) -> list[ModelRow]:
        """The models of the catalogue."""

    @abstractmethod
    def node_types(self) -> list[dict[str, Any]]:
        """All node types as `describe` puts them, by name."""

    @abstractmethod
    def waiting(self) -> list[str]:
        """Jobs that are queued or that nobody runs any more, those that go first at the front."""

    @abstractmethod
    def abandoned(self) -> set[str]:
        """Jobs that nobody runs, whatever their state says."""

    @abstractmethod
    def carry_out(self, job: str, wish: Wish, console: Console) -> Job:
        """See a wish through and return the job as it then is; `console` hears what is waited for."""

    @abstractmethod
    def edit(self, job: Job, sentence: int, text: str, console: Console) -> Job:
        """`run` the graph of a job that succeeded with one sentence said otherwise, for the same profile.

        Raises `InputError` where there is no such sentence, or where the text cannot be spoken.
        """

    @abstractmethod
    def timing(self, job: str) -> Timing:
        """Where a job's time went."""

    def run(self, graph: dict[str, Any], console: Console, *, profile: str | None = None) -> Job:
        """Submit a graph, run it to its end with a live display, and answer the finished job.

        Ctrl-C cancels the job at its nodes' next steps. Raises the job's error, or `CancelledError`.
        """
        return succeeded(uvloop.run(self._run_graph(graph, console, profile)))

    def run_job(self, job: str, console: Console) -> Job:
        """The same for a job that is stored already: it goes on from its finished nodes."""
        return succeeded(self.run_jobs([job], console)[0])

    def run_jobs(self, jobs: Sequence[str], console: Console) -> list[Job]:
        """Run stored jobs one after another and answer them as they ended, well or not.

        Ctrl-C cancels the one that runs; those behind it stay as they are and are not answered.
        """
        return uvloop.run(self._run_jobs(jobs, console))

    async def _run_graph(self, graph: dict[str, Any], console: Console, profile: str | None) -> Job:
        async with self.runs() as runs:
            finished, _ = await self._follow(runs, runs.submit(graph, profile=profile), console)
            return finished

    async def _run_jobs(self, jobs: Sequence[str], console: Console) -> list[Job]:
        ended = []
        async with self.runs() as runs:
            for job in jobs:
                finished, interrupted = await self._follow(runs, job, console)
                ended.append(finished)
                if interrupted:
                    break
        return ended

    async def _follow(self, runs: Runs, job: str, console: Console) -> tuple[Job, bool]:
        """The job as it ended, and whether Ctrl-C ended it."""
        with JobDisplay(self.jobs.get(job), console) as display:
            stop = runs.listen(display.hear)
            try:
                return await _until_interrupted(runs, job)
            finally:
                stop()


def succeeded(job: Job) -> Job:
    """The job itself where it succeeded; else raises its error."""
    if job.state == "succeeded":
        return job
    if job.error:
        raise SpinbotError.from_dict(job.error)
    raise SpinbotError(f"job {job.id} is {job.state}", hint=f"go on with: spinbot jobs resume {job.id}", code=job.state)


async def _until_interrupted(runs: Runs, job: str) -> tuple[Job, bool]:
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(runs.run(job))
    asked = False

    def interrupt() -> None:
        nonlocal asked
        if asked:  # the second Ctrl-C does not wait
            running.cancel()
        asked = True
        with contextlib.suppress(InputError):  # it has just ended
            runs.ask(job, "cancel")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await running, asked
    except asyncio.CancelledError:
        raise CancelledError("cancelled", hint=f"go on from the finished nodes: spinbot jobs resume {job}") from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

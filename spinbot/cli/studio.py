"""This machine, or the cluster it belongs to, as the place where jobs are run: the stores and the runner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console

from spinbot.actors.host import weights_digest
from spinbot.actors.pool import Pool
from spinbot.cli.display import pull_with_progress
from spinbot.cli.people import LocalPeople
from spinbot.cli.place import ModelRow, Place, Timing, VoiceRow
from spinbot.config import Settings
from spinbot.engines.registry import ENGINES, engine_class
from spinbot.engines.tts.base import TtsEngine
from spinbot.graphs.check import parse
from spinbot.graphs.edit import edited
from spinbot.graphs.graph import Graph
from spinbot.graphs.node import NODES, describe
from spinbot.graphs.nodes import register
from spinbot.graphs.runner import Runner
from spinbot.graphs.trace import trace
from spinbot.models.store import ModelStore
from spinbot.store.artifacts import PrunableArtifacts
from spinbot.store.database import connect
from spinbot.store.jobs import Job, JobStore, Wish
from spinbot.store.ledger import Ledger
from spinbot.store.open_artifacts import open_artifacts

if TYPE_CHECKING:
    from spinbot.serve.cluster import Cluster


class Studio(Place):
    """The stores of one installation, and a pool that starts in the background when it is first asked for."""

    jobs: JobStore
    artifacts: PrunableArtifacts
    people: LocalPeople

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        register(self.settings)
        self.artifacts = open_artifacts(self.settings)
        self.models = ModelStore.of(self.settings)
        self.jobs = JobStore(connect(self.settings.database))
        self.people = LocalPeople(self.jobs.engine, self.artifacts)
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The Ray pool; asking for it begins to start Ray, which takes some seconds, and does not wait."""
        if self._pool is None:
            from spinbot.actors.ray.pool import RayPool

            self._pool = RayPool(self.settings)
        return self._pool

    def engines_of(self, graph: dict[str, Any]) -> set[tuple[str, str]]:
        """Slot and name of every engine that a graph document uses."""
        return {
            (slot, spec.get("engine", {}).get(slot, self.settings.engines[slot]))
            for spec in graph["nodes"].values()
            if spec["type"] in NODES
            for slot in (*NODES[spec["type"]].slots, *NODES[spec["type"]].inner_slots)
        }

    def ensure_models(self, engines: Iterable[tuple[str, str]], console: Console) -> None:
        """Fetch the models that `engines` need and this machine lacks. Raises `ModelError`, `StorageError`."""
        needed = {name for slot, engine in engines for name in engine_class(slot, engine).requires}
        missing = sorted(name for name in needed if not self.models.installed(name))
        if missing:
            pull_with_progress(self.models, missing, console)

    def runner(self, pool: Pool | None = None) -> Runner:
        """A runner on the studio's pool, or on another."""
        return Runner(
            jobs=self.jobs,
            artifacts=self.artifacts,
            pool=pool or self.pool,
            settings=self.settings,
            weights=lambda slot, engine: weights_digest(self.models, slot, engine),
        )

    def runs(self) -> AbstractAsyncContextManager[Runner | Cluster]:
        """See `Place.runs`: a runner of this process with a Ray of its own, or the one of the cluster."""
        return self._running()

    def parse(self, document: Any) -> Graph:
        """See `Place.parse`."""
        return parse(document, artifacts=self.artifacts, settings=self.settings)

    def prepare(self, documents: Iterable[dict[str, Any]], console: Console) -> None:
        """See `Place.prepare`."""
        self.ensure_models({engine for document in documents for engine in self.engines_of(document)}, console)

    def engine(self, slot: str, name: str = "") -> str:
        """See `Place.engine`."""
        if name:
            engine_class(slot, name)
        return name or self.settings.engines[slot]

    def voices(self) -> list[VoiceRow]:
        """See `Place.voices`."""
        engines = dict.fromkeys([*ENGINES["tts"], self.settings.engines["tts"]])
        return [
            VoiceRow(voice.name, engine, voice.language, voice.description)
            for engine in engines
            for voice in cast(type[TtsEngine], engine_class("tts", engine)).voices()
        ]

    def catalogue(self) -> list[ModelRow]:
        """See `Place.catalogue`."""
        rows = []
        for entry in self.models.catalogue.models:
            installed = self.models.installed(entry.name)
            about = entry.model_dump() | {"installed": installed}
            rows.append(ModelRow(entry.name, entry.slot, entry.bytes, installed, entry.optional, entry.title, about))
        return rows

    def node_types(self) -> list[dict[str, Any]]:
        """See `Place.node_types`."""
        return [describe(NODES[name]) for name in sorted(NODES)]

    def waiting(self) -> list[str]:
        """See `Place.waiting`."""
        return [job.id for job in Ledger(self.jobs, self.settings.lease_s).claimable()]

    def abandoned(self) -> set[str]:
        """See `Place.abandoned`."""
        return set(self.waiting())

    def carry_out(self, job: str, wish: Wish, console: Console) -> Job:
        """See `Place.carry_out`; works whoever runs the job, and where nobody does."""
        from spinbot.cli.wishes import carry_out

        return carry_out(self, job, wish, console)

    def edit(self, job: Job, sentence: int, text: str, console: Console) -> Job:
        """See `Place.edit`."""
        graph = edited(job, sentence, text)
        self.prepare([graph], console)
        return self.run(graph, console, profile=self.people.used_by(job.id))

    def timing(self, job: str) -> Timing:
        """See `Place.timing`."""
        found = trace(self.jobs.get(job), self.jobs.events(job))
        chain = [asdict(link) for link in found.chain()]
        return Timing(found.document(), found.ended - found.begun, found.covered(), chain)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Runner | Cluster]:
        if self.settings.ray_address:
            from spinbot.serve.cluster import Cluster

            cluster = Cluster(self.settings, self.jobs, self.artifacts)
            try:
                yield cluster
            finally:
                await cluster.close()
            return
        try:
            yield self.runner()
        finally:
            await self.pool.close()
            self._pool = None

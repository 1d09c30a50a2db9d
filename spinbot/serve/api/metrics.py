"""What happens, in numbers, for Prometheus: from the events that pass this process, and from queries when it is asked.

Every process that serves the API sees all events, so the counters of several say the same thing: take one of them, or
the highest, never the sum. Requests and sockets are each process's own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spinbot.errors import StorageError
from spinbot.store.jobs import Event

if TYPE_CHECKING:
    from spinbot.serve.api.service import Service

SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
LATENCY = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SIZES_S = 60.0
"""The artifact store is looked through at most this often: 10,000 files take 30 ms."""
MOST_NODES = 100_000
"""Nodes that run and whose end has not come; beyond that the oldest are forgotten."""

_ENDS = {"node.succeeded", "node.failed", "node.cancelled", "node.expanded", "node.retrying"}


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._running: dict[tuple[str, str], tuple[str, float]] = {}
        self._sized = -SIZES_S

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"spinbot_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str, buckets: Iterable[float] = SECONDS) -> Histogram:
            return Histogram(f"spinbot_{name}", text, labels, registry=registry, buckets=tuple(buckets))

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"spinbot_{name}", text, labels, registry=registry)

        self.jobs = counter("jobs_total", "Jobs that have ended", "outcome")
        self.queue_wait = histogram("queue_wait_seconds", "From a job's admission to its start")
        self.node_wait = histogram("node_wait_seconds", "From a node's readiness to its start", "type")
        self.nodes = histogram("node_seconds", "How long nodes took", "type", "engine", "outcome")
        self.cache_hits = counter("cache_hits_total", "Nodes answered by a stored result")
        self.loads = counter("model_loads_total", "Engines brought into memory", "engine")
        self.load_seconds = histogram("model_load_seconds", "How long that took", "engine")
        self.evictions = counter("model_evictions_total", "Engines that made room", "engine")
        self.lag = histogram("event_lag_seconds", "From an event to its arrival here", buckets=LATENCY)
        self.requests = histogram(
            "http_request_seconds", "Time to answer a request", "method", "route", "status", buckets=LATENCY
        )
        self.sockets = gauge("websocket_clients", "Open WebSockets")
        self.followed = gauge("followed_jobs", "Subscriptions to the events of a job")
        self.stored_jobs = gauge("stored_jobs", "Jobs that are stored", "state")
        self.artifact_bytes = gauge("artifact_bytes", "Size of the artifact store")
        self.model_bytes = gauge("model_resident_bytes", "Memory of the engines that are loaded", "engine")
        self.gpu_bytes = gauge("gpu_memory_used_bytes", "Memory in use on a GPU, by anybody", "machine", "gpu")

    def take(self, events: list[Event]) -> None:
        """Count events."""
        now = time.time()
        for event in events:
            self.lag.observe(max(0.0, now - event.time))
            if event.kind.startswith("job."):
                self._job(event)
            elif event.kind.startswith("node."):
                self._node(event)
            elif event.kind == "model.loaded":
                self.loads.labels(_engine(event)).inc()
                self.load_seconds.labels(_engine(event)).observe(event.data["seconds"])
            elif event.kind == "model.evicted":
                self.evictions.labels(_engine(event)).inc()

    def _job(self, event: Event) -> None:
        state = event.kind.removeprefix("job.")
        if state == "running" and "waited" in event.data:
            self.queue_wait.observe(event.data["waited"])
        if state in ("succeeded", "failed", "cancelled"):
            self.jobs.labels(state).inc()
            for place in [place for place in self._running if place[0] == event.job]:
                del self._running[place]

    def _node(self, event: Event) -> None:
        place = (event.job, event.node or "")
        if event.kind == "node.running":
            kind = event.data["type"]
            self._running[place] = (kind, event.time)
            self.node_wait.labels(kind).observe(max(0.0, event.time - event.data["ready"]))
            if len(self._running) > MOST_NODES:
                del self._running[next(iter(self._running))]
        elif event.kind == "node.cached":
            self.cache_hits.inc()
        elif event.kind in _ENDS and (begun := self._running.pop(place, None)):
            engines = ",".join(event.data.get("engines") or ()) or "none"
            outcome = event.kind.removeprefix("node.")
            times = event.data.get("times")  # of the host: a node that shared a call ran a part of it
            seconds = times["ended"] - times["begun"] if times else event.time - begun[1]
            self.nodes.labels(begun[0], engines, outcome).observe(seconds)

    async def look(self, api: Service) -> None:
        """Bring the gauges up to date. What cannot be asked now keeps its last value."""
        self.sockets.set(api.sockets)
        self.followed.set(api.feed.followed)
        try:
            counts = await asyncio.to_thread(api.jobs.counts)
        except StorageError:
            return
        for state in ("queued", "running", "paused", "succeeded", "failed", "cancelled"):
            self.stored_jobs.labels(state).set(counts.get(state, 0))
        if time.monotonic() - self._sized >= SIZES_S:
            self._sized = time.monotonic()
            self.artifact_bytes.set(await asyncio.to_thread(_stored_bytes, api))
        self.model_bytes.clear()
        self.gpu_bytes.clear()
        for said in (await api.backend.hosts()).values():
            for number, gpu in enumerate(said.get("cuda", ())):  # several hosts of a machine say the same
                self.gpu_bytes.labels(said["machine"], str(number)).set(gpu["memory_bytes"] - gpu["free_bytes"])
            for engine, size in said.get("engines", {}).items():
                self.model_bytes.labels(engine).inc(size)


class Clock:
    """ASGI middleware: how long each route takes."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                route: Any = scope.get("route")
                labels = (_method(scope), getattr(route, "path", "none"), str(status))
                self._metrics.requests.labels(*labels).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, noting)


def _engine(event: Event) -> str:
    return f"{event.data['slot']}/{event.data['engine']}"


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS") else "other"


def _stored_bytes(api: Service) -> int:
    return sum(size for _, size, _ in api.artifacts.stored())

"""Jobs of the service in memory: how each stands, and the runner, which moves them on when a test says so."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spinbot.client import Event, Job, JobSummary
from spinbot.client.models import ENDED
from spinbot.errors import InputError, SpinbotError
from tests.fake_outputs import Keep, made

HERE = ("id", "name", "title", "state", "priority", "wish", "error", "outputs", "review", "note")
TIMES = ("created", "started", "finished")


@dataclass
class Kept:
    """A job."""

    graph: dict[str, Any]
    profile: str | None = None
    """The id of the profile that it uses."""
    priority: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    state: str = "queued"
    wish: str | None = None
    error: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    review: str | None = None
    note: str = ""
    created: float = field(default_factory=time.time)
    started: float | None = None
    finished: float | None = None
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes = {name: {"state": "pending"} for name in self.graph["nodes"]}
        self.tell("job.queued")

    @property
    def name(self) -> str:
        name: str = self.graph["name"]
        return name

    @property
    def title(self) -> str:
        title: str = self.graph.get("title", "")
        return title

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def tell(self, kind: str, node: str | None = None, **data: Any) -> None:
        event = {"job": self.id, "seq": len(self.events) + 1, "time": time.time(), "kind": kind, "node": node}
        self.events.append(Event.model_validate(event | {"data": data}))

    def become(self, state: str, **data: Any) -> None:
        self.state, self.wish = state, None
        if state == "running":
            self.started = self.started or time.time()
        if self.ended:
            self.finished = time.time()
        self.tell(f"job.{state}", **data)

    def node(self, name: str, state: str, **data: Any) -> None:
        self.nodes[name] = {"state": state, "attempt": 1} | data
        self.tell(f"node.{state}", name)

    def summary(self) -> JobSummary:
        return JobSummary.model_validate(self._row())

    def whole(self) -> Job:
        done = sum(node["state"] == "succeeded" for node in self.nodes.values())
        more = {"nodes": self.nodes, "graph": self.graph, "progress": done / len(self.nodes)}
        return Job.model_validate(self._row() | more)

    def _row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*HERE, *TIMES)} | {"events": len(self.events)}


class FakeRunner:
    """Runs jobs at once, or as far as it is told; `faults` says which types of nodes fail, and how."""

    def __init__(self, jobs: dict[str, Kept], keep: Keep, trained: Callable[[Kept], None]) -> None:
        self.queue_paused = False
        self.faults: dict[str, SpinbotError] = {
            "toy_fail": InputError("the toy is unhappy", hint="be nice to it", code="unhappy")
        }
        self._jobs = jobs
        self._keep = keep
        self._trained = trained

    def begin(self, job: str, *running: str) -> None:
        """Let it run; nodes named `running` run, those before them in the graph are done."""
        kept = self._jobs[job]
        kept.become("running")
        for name in kept.nodes:
            if name in running:
                kept.node(name, "running")
            elif running and kept.nodes[name]["state"] == "pending":
                kept.node(name, "succeeded")
            if name == (running or [""])[-1]:
                return

    def heed(self, job: str) -> bool:
        """Do what was asked of it; whether there was something."""
        kept = self._jobs[job]
        if kept.wish is None or kept.ended:
            return False
        kept.become({"cancel": "cancelled", "pause": "paused"}[kept.wish])
        return True

    def run(self, job: str) -> None:
        """To its end, or as far as it goes."""
        kept = self._jobs[job]
        if self.heed(job) or kept.ended or kept.state == "paused":
            return
        if kept.state == "queued":
            if self.queue_paused:
                return
            kept.become("running")
        for name, spec in kept.graph["nodes"].items():
            if kept.nodes[name]["state"] == "succeeded":
                continue
            kept.node(name, "running")
            if fault := self.faults.get(spec["type"]):
                self._fail(kept, name, fault)
                return
            kept.node(name, "succeeded")
        kept.outputs = made(kept.id, kept.graph, self._keep)
        self._trained(kept)
        kept.become("succeeded")

    def _fail(self, kept: Kept, name: str, fault: SpinbotError) -> None:
        kept.node(name, "failed", error=fault.to_dict())
        for other, node in kept.nodes.items():
            if node["state"] == "pending":
                kept.node(other, "skipped")
        kept.error = fault.to_dict()
        kept.become("failed", error=kept.error)

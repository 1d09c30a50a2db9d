"""What the service in memory says of its installation: machines, engines, models, voices, the queue over time."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from spinbot.client import (
    Capabilities,
    Cluster,
    JobSummary,
    Me,
    Model,
    NodeType,
    Queue,
    QueueHistory,
    QueuePoint,
    Template,
    Voice,
)
from spinbot.errors import InputError, NotFoundError
from spinbot.graphs.node import NODES, describe
from spinbot.graphs.nodes.fetch import fetching
from spinbot.graphs.templates import TEMPLATES
from tests.fake_base import Base

GIGABYTE = 1 << 30
VOICES = [
    ("stock:kumo", "kokoro", "male, low and calm; the default"),
    ("stock:alpha", "kokoro", "female, bright and brisk"),
    ("piper:joe", "piper", "male, plain"),
]
MODELS: list[dict[str, Any]] = [
    {"id": "smollm2", "slot": "script", "title": "SmolLM2 135M", "licence": "Apache-2.0", "commercial": True},
    {"id": "kokoro", "slot": "tts", "title": "Kokoro 82M", "licence": "Apache-2.0", "commercial": True},
    {"id": "piper-joe", "slot": "tts", "title": "Piper Joe", "licence": "CC-BY-NC-4.0", "commercial": False},
]
ENGINES = {
    "script": {"smollm2": ["smollm2"]},
    "tts": {"kokoro": ["kokoro"], "piper": ["piper-joe"]},
    "image": {"drawn": []},
    "voice_trainer": {"kokoro-style": ["kokoro"]},
    "captioner": {"transformers": ["caption-model"]},
}
GROUPS = {"language": ["script"], "speech": ["tts", "asr"], "media": []}


class FakeInstallation(Base):
    """See `spinbot.client.installation`. `installed` are the models here, `mute` names what does not answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.installed = {"smollm2", "kokoro"}
        self.mute: list[str] = []
        self.links: dict[str, str | None] = {"dashboard": None, "grafana": None}

    def me(self) -> Me:
        return self.visitor

    def capabilities(self) -> Capabilities:
        answer = {
            "templates": self.templates(),
            "nodes": self.node_types(),
            "slots": {slot: self._slot(engines) for slot, engines in ENGINES.items()},
            "groups": {name: _group(slots) for name, slots in GROUPS.items()},
            "hosts": {} if "hosts" in self.mute else {"speech-1": _HOST},
            "silent": self.mute,
        }
        return Capabilities.model_validate(answer)

    def cluster(self) -> Cluster:
        here = {"name": "house", "address": "127.0.0.1", "alive": True, "measured": True, "gpus": {"total": 0.0}}
        here |= {"cpus": {"total": 8.0, "used": 2.0}, "memory": {"total": 16e9, "used": 4e9}}
        gone = here | {"name": "shed", "address": "10.0.0.2", "alive": False}
        machines = [] if "machines" in self.mute else [here, gone]
        return Cluster.model_validate({"machines": machines, "links": self.links, "silent": self.mute})

    def node_types(self) -> list[NodeType]:
        return [NodeType.model_validate(describe(NODES[name])) for name in sorted(NODES)]

    def templates(self) -> list[Template]:
        return [
            Template(name=name, description=(kind.__doc__ or "").strip(), parameters=kind.model_json_schema())
            for name, kind in TEMPLATES.items()
        ]

    def models(self) -> list[Model]:
        sizes = {"bytes": 95_000_000, "memory_bytes": 210_000_000}
        return [Model.model_validate(one | sizes | {"installed": one["id"] in self.installed}) for one in MODELS]

    def pull_model(self, model: str) -> JobSummary:
        self._may("admin")
        if model not in {one["id"] for one in MODELS}:
            raise NotFoundError(f"there is no model {model!r}", hint="list them: GET /v1/models", code="unknown_model")
        return self.submit(graph=fetching(model))

    def voices(self) -> list[Voice]:
        rows = ({"id": name, "name": name, "model": engine, "description": about} for name, engine, about in VOICES)
        return [Voice.model_validate(row | {"language": "en-US"}) for row in rows]

    def queue(self) -> Queue:
        jobs = Counter(kept.state for kept in self._jobs.values())
        return Queue(paused=self.runner.queue_paused, jobs=dict(jobs))

    def queue_history(self, hours: float = 24.0, points: int = 96) -> QueueHistory:
        if hours <= 0:
            raise InputError("the request: hours: Input should be greater than 0", code="bad_request_fields")
        span = hours * 3600 / points
        states = Counter(kept.state for kept in self._jobs.values())
        rows = []
        for number in range(points):
            last = number == points - 1
            counts = {name: states[name] if last else 0 for name in ("running", "succeeded", "failed", "cancelled")}
            when = time.time() - span * (points - 1 - number)
            rows.append(QueuePoint(time=when, waiting=states["queued"] if last else 0, **counts))
        return QueueHistory(span_s=span, points=rows)

    def pause_queue(self) -> Queue:
        self._may("admin")
        self.runner.queue_paused = True
        return self.queue()

    def resume_queue(self) -> Queue:
        self._may("admin")
        self.runner.queue_paused = False
        return self.queue()

    def _slot(self, engines: dict[str, list[str]]) -> dict[str, Any]:
        known = [
            {
                "name": name,
                "models": models,
                "memory_bytes": 0,
                "missing": [model for model in models if model not in self.installed],
            }
            for name, models in engines.items()
        ]
        return {"default": next(iter(engines)), "engines": known}


_HOST = {
    "group": "speech",
    "machine": "house",
    "pid": 4711,
    "memory_bytes": 300_000_000,
    "busy": True,
    "engines": {"tts/kokoro": 210_000_000},
    "cuda": [],
}


def _group(slots: list[str]) -> dict[str, Any]:
    limits = {"threads": 0, "num_gpus": 0.0, "num_cpus": 0.0, "nice": 0, "resources": {}}
    return limits | {"slots": slots, "memory_gb": 6.0, "processes": 1, "idle_s": 120.0}

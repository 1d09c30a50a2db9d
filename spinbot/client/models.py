"""What the service answers, as typed objects. Times are seconds since the epoch.

States and kinds are plain text and unknown fields are kept: a newer service may say more than this client knows.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from spinbot.errors import SpinbotError

ENDED = frozenset({"succeeded", "failed", "cancelled"})


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="allow")


class JobSummary(Answer):
    """How a job stands."""

    id: str
    name: str
    state: str
    """`queued`, `running`, `paused`, `succeeded`, `failed` or `cancelled`."""
    priority: int = 0
    wish: str | None = None
    """`pause` or `cancel`, where that was asked and is not done yet."""
    events: int
    """The number of its last event."""
    error: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    """By the graph's output names; they name artifacts."""
    created: float
    started: float | None = None
    finished: float | None = None

    @property
    def ended(self) -> bool:
        """Whether it has succeeded, failed or been cancelled."""
        return self.state in ENDED

    def result(self) -> dict[str, Any]:
        """The outputs of a job that succeeded; raises the error of any other, or one that says how it stands."""
        if self.state == "succeeded":
            return self.outputs or {}
        if self.error:
            raise SpinbotError.from_dict(self.error)
        raise SpinbotError(f"job {self.id} is {self.state}", hint=f"wait for it: wait({self.id!r})", code=self.state)


class Node(Answer):
    """How a node of a job stands."""

    state: str
    """`pending`, `running`, `expanded`, `cached`, `succeeded`, `failed`, `skipped` or `cancelled`."""
    attempt: int = 0
    outputs: dict[str, Any] | None = None
    engines: dict[str, Any] | None = None
    """Digest of the weights by `slot/engine`."""
    error: dict[str, Any] | None = None
    expansion: list[str] | None = None
    """The nodes that took its place."""
    started: float | None = None
    finished: float | None = None


class Job(JobSummary):
    """A job with its nodes and its graph."""

    progress: float = 0.0
    """0 to 1: the share of its nodes that are done."""
    nodes: dict[str, Node]
    graph: dict[str, Any]


class Event(Answer):
    """One fact about a job. Their numbers have no gap."""

    job: str
    seq: int
    time: float
    kind: str
    """`job.<state>`, `node.<state, progress or partial>`, `model.<...>` or `log`."""
    node: str | None = None
    data: dict[str, Any] = {}

    @property
    def ends_job(self) -> bool:
        """Whether the job had ended with it."""
        return self.kind.startswith("job.") and self.kind.removeprefix("job.") in ENDED


class Upload(Answer):
    """A file that was uploaded."""

    artifact: str
    """What graphs and templates name it by."""
    name: str
    kind: str
    """`image`, `audio` or `video`, by its content."""
    mime: str
    bytes: int
    created: float
    facts: dict[str, float] = {}
    """Width and height in pixels, length in seconds."""
    notes: list[str] = []
    """What will be changed about it before it is used."""


class Plan(Answer):
    """A graph that may be submitted as it is, and what it will cost."""

    graph: dict[str, Any]
    plan: dict[str, Any] | None
    """How a prompt was understood: `template`, `params`, `reasons` (each with `by` and `why`), `notes`."""
    preview: dict[str, Any]
    """`nodes` (cached or run, seconds each), `elapsed_s`, `fits`, `missing`, ...: see the service's /docs."""


class Queue(Answer):
    """The queue of the whole installation."""

    paused: bool
    jobs: dict[str, int]
    """How many jobs there are in each state."""


class Template(Answer):
    """What can be asked for by name."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema."""


class NodeType(Answer):
    """What graphs are made of."""

    type: str
    version: int = 1
    description: str = ""
    inputs: dict[str, Any] = {}
    params: dict[str, Any] = {}
    outputs: dict[str, str] = {}
    slots: list[str] = []


class Model(Answer):
    """A model of the catalogue."""

    id: str
    slot: str
    title: str
    bytes: int
    installed: bool
    engines: list[str] = []
    licence: str = ""
    commercial: bool = False
    memory_bytes: int = 0


class Voice(Answer):
    """A voice of a speech engine."""

    id: str
    name: str
    engine: str = Field(alias="model")
    language: str
    description: str = ""
    aliases: list[str] = []


class ProfilePart(Answer):
    """One version of something of a person."""

    kind: str
    """`portrait`, `recording`, `look` or `voice`."""
    version: int
    artifact: str
    data: dict[str, Any] = {}
    created: float


class Profile(Answer):
    """A person."""

    id: str
    name: str
    voice: str = ""
    consent: dict[str, Any] | None = None
    """`person`, `purpose`, `attested_by`, `sample` and `time`; none: the profile cannot be used."""
    created: float
    parts: list[ProfilePart] = []
    """By kind, the newest version first."""


class GoneProfile(Answer):
    """What goes with a profile, or would."""

    profile: str
    parts: list[ProfilePart] = []
    jobs: list[str] = []
    artifacts: list[str] = []
    deleted: bool


class Capabilities(Answer):
    """What can be asked for, and what runs at the moment."""

    templates: list[Template] = []
    nodes: list[NodeType] = []
    slots: dict[str, dict[str, Any]] = {}
    """By slot: the `default` engine and all `engines`."""
    voices: list[dict[str, Any]] = []
    portraits: list[dict[str, Any]] = []
    groups: dict[str, dict[str, Any]] = {}
    hosts: dict[str, dict[str, Any]] = {}
    silent: list[str] = []
    """What did not answer in time."""


class Trace(Answer):
    """Where a job's time went."""

    document: dict[str, Any]
    """For chrome://tracing and ui.perfetto.dev."""
    seconds: float
    covered: float
    """Share of those seconds of which is known what was waited for or done, 0 to 1."""
    chain: list[dict[str, Any]]
    """The nodes that the job's length comes from, each with seconds `waited`, `loaded` and `computed`."""


class Page(Answer):
    """Some of a list."""

    data: list[dict[str, Any]]
    next: str | None = None

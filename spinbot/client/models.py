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
    """Of its graph: for one made from a template, the template's."""
    title: str = ""
    """What people know it by; empty where nothing told."""
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
    review: str | None = None
    """`approved` or `rejected`, where somebody said so of a job that succeeded."""
    note: str = ""
    """What was said with it."""
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
    expected_s: float | None = None
    """Predicted seconds of computing, of one that is not done; none where nothing is known."""


class Job(JobSummary):
    """A job with its nodes and its graph."""

    progress: float = 0.0
    """0 to 1: the share of its nodes that are done."""
    eta_s: float | None = None
    """Predicted seconds until it has succeeded; none where something of it cannot be predicted, or it has ended."""
    nodes: dict[str, Node]
    graph: dict[str, Any]


class JobPage(Answer):
    """Some of the jobs, the newest first."""

    data: list[JobSummary]
    next: str | None = None
    """The cursor of the next page; none after the last."""
    total: int
    """How many there are in all."""


class Event(Answer):
    """One fact about a job. Their numbers have no gap."""

    job: str
    seq: int
    time: float
    kind: str
    """`job.<state>`, `node.<state, progress, partial, figures, preview, ...>`, `model.<...>` or `log`."""
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


class Credentials(Answer):
    """What the Content Credentials (C2PA) of a file say."""

    has_manifest: bool
    valid: bool
    """The signature holds and no byte has changed since."""
    ai_generated: bool
    issuer: str
    title: str
    generator: str
    """Name and version of the software."""
    models: list[str]
    extra: dict[str, Any] | None = None
    """What else was recorded, such as the consent."""
    problems: list[str] = []
    """Why it is not valid."""
    remarks: list[str] = []
    """What does not make it invalid."""


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


class QueuePoint(Answer):
    """The queue at one moment, and what ended in the span before it."""

    time: float
    waiting: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


class QueueHistory(Answer):
    """The queue of the whole installation over the last hours."""

    span_s: float
    """Seconds from one point to the next."""
    points: list[QueuePoint]
    """The oldest first; the last one is now."""


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


class Picture(BaseModel):
    """A picture to learn a look from."""

    artifact: str
    """An upload."""
    name: str
    """What findings call it."""
    caption: str = ""
    """What it shows."""


class Recording(BaseModel):
    """A recording to learn a voice from."""

    artifact: str
    """An upload: any file with sound."""
    name: str
    """What findings call it."""
    text: str = ""
    """What is said in it, where somebody wrote it down."""


class GonePart(Answer):
    """What goes with one version of a part of a profile, or would."""

    profile: str
    part: ProfilePart
    artifacts: list[str] = []
    """Files that nothing else needs."""
    kept: list[str] = []
    """Files that stay, because jobs or other parts need them."""
    jobs: list[str] = []
    """Jobs that were given it, or have made it; they stay."""
    deleted: bool


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


class Me(Answer):
    """Who asks."""

    name: str
    """Of the key; `local` where none is required."""
    scopes: list[str]
    """What it may do: `read`, `write`, `admin`."""
    keys_required: bool


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

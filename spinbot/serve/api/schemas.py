"""Requests and answers of the job routes. Times are seconds since the epoch."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from spinbot.planner.eta import Eta
from spinbot.planner.planner import MAX_PROMPT
from spinbot.store.jobs import Job, JobState, JobSummary, Verdict, Wish
from spinbot.store.node_runs import NodeState

JOB_ID = r"^[0-9a-f]{12}$"


class Request(BaseModel):
    """Base of all bodies: what is not known is refused, and a number is no text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Work(Request):
    """What is to be done: a template with its parameters, a whole graph, or a sentence that says it."""

    prompt: str | None = Field(
        default=None,
        max_length=MAX_PROMPT,
        description="In words: topic or script, length, shape, voice, scenes, ...; `params` may then hold a `portrait`",
    )
    template: str | None = Field(default=None, max_length=100, description="A name of /v1/templates")
    params: dict[str, Any] = Field(default={}, description="The template's parameters")
    graph: dict[str, Any] | None = Field(default=None, description="A graph document, spinbot.graph/v1")
    profile: str | None = Field(
        default=None,
        max_length=100,
        description="Who is seen and heard: a profile; a template takes portrait and voice from it",
    )


class JobRequest(Work):
    """A job to store."""

    priority: int = Field(default=0, ge=-100, le=100, description="Higher goes first")
    webhook: str | None = Field(
        default=None, max_length=2000, description="A URL that is told of the job's end; on a host that is configured"
    )


class Priority(Request):
    """A new priority."""

    priority: int = Field(ge=-100, le=100, description="Higher goes first")


class ReviewRequest(Request):
    """What somebody thinks of a job that succeeded."""

    verdict: Verdict | None = Field(description="Null takes it back")
    note: str = Field(default="", max_length=1000, description="What is to be said with it")


class EditRequest(Request):
    """One sentence said otherwise."""

    sentence: int = Field(ge=1, le=100_000, description="Which one of the script's, from 1")
    text: str = Field(min_length=1, max_length=20_000, description="What is said in its place, in English")


class JobOut(BaseModel):
    """How a job stands."""

    id: str
    name: str = Field(description="Of its graph: for one made from a template, the template's")
    title: str = Field(description="What people know it by; empty where nothing told")
    state: JobState
    priority: int
    wish: Wish | None = Field(description="What was asked of it and is not done yet")
    events: int = Field(description="The number of its last event")
    error: dict[str, Any] | None
    outputs: dict[str, Any] | None = Field(description="By the graph's output names; they name artifacts")
    review: Verdict | None = Field(description="What somebody thinks of the job that succeeded")
    note: str = Field(description="What was said with it")
    created: float
    started: float | None
    finished: float | None

    @classmethod
    def of(cls, job: JobSummary) -> JobOut:
        """From the store's row."""
        return cls.model_construct(**_row(job))


class NodeOut(BaseModel):
    """How a node of a job stands."""

    state: NodeState
    attempt: int
    outputs: dict[str, Any] | None
    engines: dict[str, Any] | None = Field(description="Digest of the weights by slot/engine")
    error: dict[str, Any] | None
    expansion: list[str] | None = Field(description="The nodes that took its place")
    started: float | None
    finished: float | None
    expected_s: float | None = Field(
        description="Predicted seconds of computing of one that is not done; null where nothing is known"
    )


class JobDetail(JobOut):
    """A job with its nodes and its graph."""

    progress: float = Field(description="0 to 1: the share of its nodes that are done")
    eta_s: float | None = Field(
        description="Predicted seconds until it has succeeded, on hosts without other work and without loading of "
        "models; null where something of it cannot be predicted, and once it has ended"
    )
    nodes: dict[str, NodeOut]
    graph: dict[str, Any]

    @classmethod
    def whole(cls, job: Job, progress: float, eta: Eta) -> JobDetail:
        """From the store's rows, and what is foreseen of the rest."""
        nodes = {
            name: NodeOut.model_construct(
                state=run.state,
                attempt=run.attempt,
                outputs=run.outputs,
                engines=run.engines,
                error=run.error,
                expansion=[f"{name}/{inner}" for inner in run.expansion["nodes"]] if run.expansion else None,
                started=run.started,
                finished=run.finished,
                expected_s=eta.nodes.get(name),
            )
            for name, run in job.nodes.items()
        }
        return cls.model_construct(
            **_row(job), progress=round(progress, 4), eta_s=eta.left, nodes=nodes, graph=job.graph
        )


class JobPage(BaseModel):
    """Jobs, the newest first."""

    data: list[JobOut]
    next: str | None = Field(description="The cursor of the next page; none after the last")
    total: int = Field(description="How many there are in all")


class EventOut(BaseModel):
    """One fact about a job. Their numbers have no gap."""

    job: str
    seq: int
    time: float
    kind: str = Field(description="job.<state>, node.<state, progress, figures, preview, ...>, model.<...> or log")
    node: str | None
    data: dict[str, Any]


class EventPage(BaseModel):
    """What a long poll answers."""

    events: list[EventOut]
    last: int = Field(description="What to give as `after` the next time")
    ended: bool = Field(description="Whether the job has ended and these are its last events")


class Queue(BaseModel):
    """The queue of the whole installation."""

    paused: bool = Field(description="Whether no further job is begun")
    jobs: dict[str, int] = Field(description="How many jobs there are in each state")


def _row(job: JobSummary) -> dict[str, Any]:
    return {name: getattr(job, name) for name in JobOut.model_fields}

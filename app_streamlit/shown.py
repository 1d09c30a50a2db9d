"""What people read of a job: its title, what it is, how it stands, why it failed, and what can be done with it."""

from __future__ import annotations

import time
from typing import Any

from app_streamlit.words import duration, known, t
from spinbot.client import Job, JobSummary

FILMS = ("talking_portrait", "scenes", "debut")
TRAININGS = ("train_look", "train_voice")
ACTIVE = ("queued", "running", "paused")
TIMES = ((60, "now"), (3600, "minutes"), (86400, "hours"), (30 * 86400, "days"))


def title(job: JobSummary) -> str:
    """What people know it by."""
    told = (job.outputs or {}).get("script") or {}
    return job.title or told.get("title") or known("kinds", job.name)


def states(name: str) -> dict[str, str]:
    """What the states of such a job are called, where they have names of their own."""
    group = "states_film" if name in FILMS else "states_training" if name in TRAININGS else ""
    return {state: t(f"{group}.{state}") for state in ("running", "succeeded", "failed")} if group else {}


def state(job: JobSummary) -> str:
    """How it stands, in a word."""
    if job.wish and job.state in ACTIVE:
        return t(f"wishes.{job.wish}")
    if job.state == "succeeded" and job.review and job.name in FILMS:
        return t(f"reviews.{job.review}")
    return states(job.name).get(job.state) or known("states", job.state)


def look(job: JobSummary) -> str:
    """The class of its badge: its state, or for a video what was thought of it."""
    return job.review if job.state == "succeeded" and job.review else job.state


def ago(when: float) -> str:
    """How long ago that was."""
    passed = max(0.0, time.time() - when)
    unit = next((unit for below, unit in TIMES if passed < below), "months")
    per = {"now": 1, "minutes": 60, "hours": 3600, "days": 86400, "months": 30 * 86400}[unit]
    return t(f"ago.{unit}", n=int(passed // per))


def note(job: JobSummary) -> str:
    """One line about it: why it failed, how long it took, or since when it waits."""
    if job.state == "failed" and job.error:
        return str(job.error.get("message", ""))
    if job.ended and job.started and job.finished:
        return t("jobs.took", time=duration(job.finished - job.started), ago=ago(job.finished))
    return t("jobs.since", ago=ago(job.created))


def poster(job: JobSummary) -> str | None:
    """A picture that stands for it."""
    outputs = job.outputs or {}
    for name in ("poster", "image", "samples"):
        found = outputs.get(name)
        if isinstance(found, dict) and "artifact" in found:
            return str(found["artifact"])
    return None


def actions(job: JobSummary) -> list[str]:
    """What can be done with it, the most likely first."""
    if job.wish and job.state in ACTIVE:
        return ["resume", "cancel"] if job.wish == "pause" else []
    return {
        "queued": ["first", "cancel"],
        "running": ["pause", "cancel"],
        "paused": ["resume", "cancel"],
        "failed": ["retry"],
        "cancelled": ["retry"],
    }.get(job.state, [])


def row(job: JobSummary) -> dict[str, Any]:
    """For `job_rows`."""
    return {
        "id": job.id,
        "title": title(job),
        "kind": known("kinds", job.name),
        "state": look(job),
        "shown": state(job),
        "note": note(job),
        "poster": poster(job),
        "href": f"/jobs?job={job.id}",
        "actions": actions(job),
    }


def graph(job: Job) -> dict[str, Any]:
    """For `job_view`: the type of each node, and which others it needs."""
    nodes: dict[str, Any] = {}
    for name, spec in job.graph["nodes"].items():
        needs = set(spec.get("after", ()))
        for linked in spec.get("inputs", {}).values():
            needs |= {link["node"] for link in (linked if isinstance(linked, list) else [linked])}
        nodes[name] = {"type": spec["type"], "needs": sorted(needs)}
    return nodes


def failed_node(job: Job) -> str | None:
    """The node that the job failed at, in words."""
    for name, node in job.nodes.items():
        if node.state == "failed" and not node.expansion:
            whole, _, part = name.partition("/")
            step = known("nodes", job.graph["nodes"][whole]["type"])
            return f"{step}, {part.replace('-', ' ')}" if part else step
    return None

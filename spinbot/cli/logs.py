"""`spinbot logs`: what happened in a job, line by line."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import typer

from spinbot.cli.where import open_place
from spinbot.store.jobs import ENDED, Event

EXAMPLE = "Example: spinbot logs 3f2a9c41d7e0 --follow"

LOOK_EVERY_S = 0.5
PROGRESS = frozenset({"node.progress", "node.figures"})
"""Kinds that are many."""


def logs(
    context: typer.Context,
    job: str = typer.Argument(help="A job of `spinbot jobs`."),
    node: str = typer.Option("", help="Only what concerns this node."),
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on until the job has ended."),
    progress: bool = typer.Option(False, "--progress", help="With the progress and the figures of nodes."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line."),
) -> None:
    """Show a job's events as a log: states, notes, models, and each error with its remedy."""
    jobs = open_place(context).jobs
    after = 0
    while True:
        ended = jobs.get(job).state in ENDED
        for event in jobs.events(job)[after:]:  # numbers have no gap
            after = event.seq
            if (node and event.node != node) or (event.kind in PROGRESS and not progress):
                continue
            typer.echo(json.dumps(asdict(event)) if as_json else line(event))
        if ended or not follow:
            return
        time.sleep(LOOK_EVERY_S)


def line(event: Event) -> str:
    """An event for people: time, node, what happened, and why."""
    when = time.strftime("%H:%M:%S", time.localtime(event.time)) + f"{event.time % 1:.3f}"[1:]
    where = f" {event.node}" if event.node else ""
    return f"{when}{where} {event.kind}{_detail(event)}"


def _detail(event: Event) -> str:
    data = event.data
    if error := data.get("error"):
        tail = [line for part in error.get("details", ()) for line in part.get("log_tail", ())]
        return "".join([f": {error['message']} (remedy: {error['hint']})", *(f"\n    {line}" for line in tail)])
    if event.kind == "node.progress":
        return f" {data['fraction']:.0%} {data['message']}"
    if event.kind == "node.figures":
        figures = ", ".join(f"{name} {value:.4g}" for name, value in data["figures"].items())
        return f" step {data['step']}: {figures}"
    if event.kind == "node.preview":
        return f": {data['caption']}: {data['artifact']}"
    if event.kind == "model.loaded":
        return f": {data['slot']}/{data['engine']} in {data['seconds']:.1f} s, {data['bytes'] / 1e6:.0f} MB"
    if event.kind.startswith("model."):
        return f": {data['slot']}/{data['engine']}"
    return f": {data['message']}" if data.get("message") else ""

"""`spinbot jobs`: what was run, and how it went."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from spinbot.config import Settings
from spinbot.store.database import connect
from spinbot.store.jobs import Job, JobStore

EXAMPLE = """
Examples:

  spinbot jobs

  spinbot jobs 3f2a9c41d7e0 --json
"""


def jobs(
    job: str = typer.Argument("", help="One job: show its nodes and what went wrong."),
    limit: int = typer.Option(20, min=1, max=1000, help="How many of the newest to list."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON; for one job with all its events."),
) -> None:
    """List the newest jobs, or show one."""
    store = JobStore(connect(Settings().database))
    if job:
        found = store.get(job)
        if as_json:
            typer.echo(json.dumps(asdict(found) | {"log": [asdict(event) for event in store.events(job)]}))
        else:
            _show(found)
        return
    recent = store.recent(limit)
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in recent]))
        return
    table = Table(box=None)
    for column in ("job", "name", "state", "created", "took"):
        table.add_column(column, no_wrap=True)
    for item in recent:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.created))
        table.add_row(item.id, item.name, item.state, created, _took(item.started, item.finished))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _show(job: Job) -> None:
    typer.echo(f"{job.id} {job.name}: {job.state} {_took(job.started, job.finished)}")
    for run in job.nodes.values():
        typer.echo(f"  {run.node}: {run.state} {_took(run.started, run.finished)}")
    if job.error:
        typer.echo(f"error: {job.error['message']}\nremedy: {job.error['hint']}")


def _took(started: float | None, finished: float | None) -> str:
    return f"{finished - started:.1f} s" if started and finished else ""

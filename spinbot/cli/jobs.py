"""`spinbot jobs`: what was run and how it went; pausing, cancelling and taking up jobs again."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spinbot.cli.where import open_place
from spinbot.errors import InputError
from spinbot.store.jobs import Job, JobSummary, Wish

if TYPE_CHECKING:
    from spinbot.cli.place import Place

EXAMPLE = """
Examples:

  spinbot jobs

  spinbot jobs --limit 5 --json
"""

app = typer.Typer(help="List jobs; show, pause, cancel and take up one.", invoke_without_command=True, epilog=EXAMPLE)

JOB = typer.Argument(help="A job of `spinbot jobs`.")
JSON = typer.Option(False, "--json", help="Print as JSON.")
OUT = typer.Option(None, "-o", "--out", help="Write the finished video here, with all that belongs to it.")


@app.callback()
def jobs(
    context: typer.Context,
    limit: int = typer.Option(20, min=1, max=1000, help="How many of the newest to list."),
    as_json: bool = JSON,
) -> None:
    """List the newest jobs; or show, pause, cancel and take up one.

    One that was begun and that nobody runs any more, because its process ended, is listed as interrupted.
    """
    if context.invoked_subcommand is not None:
        return
    place = open_place(context)
    recent, free = place.jobs.recent(limit), place.abandoned()
    states = {item.id: _state(item, free) for item in recent}
    if as_json:
        typer.echo(json.dumps([asdict(item) | {"state": states[item.id]} for item in recent]))
        return
    table = Table(box=None)
    for column in ("job", "name", "state", "created", "took"):
        table.add_column(column, no_wrap=True)
    table.add_column("title", no_wrap=True, overflow="ellipsis")
    for item in recent:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.created))
        table.add_row(
            item.id, item.name, states[item.id], created, _took(item.started, item.finished), escape(item.title)
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


@app.command("show", epilog="Example: spinbot jobs show 3f2a9c41d7e0 --json")
def show_command(
    context: typer.Context,
    job: str = JOB,
    as_json: bool = typer.Option(False, "--json", help="Print as JSON, with all events."),
) -> None:
    """Show a job's nodes and what went wrong."""
    place = open_place(context)
    found = place.jobs.get(job)
    state = _state(found, place.abandoned())
    if as_json:
        events = [asdict(event) for event in place.jobs.events(job)]
        typer.echo(json.dumps(asdict(found) | {"state": state, "log": events}))
        return
    titled = f" ({found.title})" if found.title else ""
    typer.echo(f"{found.id} {found.name}{titled}: {state} {_took(found.started, found.finished)}")
    for run in found.nodes.values():
        typer.echo(f"  {run.node}: {run.state} {_took(run.started, run.finished)}")
    if found.error:
        typer.echo(f"error: {found.error['message']}\nremedy: {found.error['hint']}")


@app.command("resume", epilog="Example: spinbot jobs resume 3f2a9c41d7e0 -o sky.mp4\n\nExample: spinbot jobs resume")
def resume_command(
    context: typer.Context,
    job: str = typer.Argument("", help="A paused or interrupted job; none: all that are interrupted or queued."),
    out: Path | None = OUT,
) -> None:
    """Go on with a job from its finished nodes, or with every one that is interrupted or queued."""
    if not job and out is not None:
        raise InputError("--out is for one job", hint="spinbot jobs resume JOB -o out.mp4")
    place = open_place(context)
    if not job:
        _resume_all(place, place.waiting())
        return
    found = place.jobs.get(job)
    if found.state in ("failed", "cancelled"):
        raise InputError(f"job {job} is {found.state}", hint=f"spinbot jobs retry {job}", code="job_ended")
    if found.state == "running" and job not in place.abandoned():
        raise InputError(f"job {job} is running", hint=f"see how far: spinbot jobs show {job}", code="job_running")
    _go_on(place, found, out)


@app.command("retry", epilog="Example: spinbot jobs retry 3f2a9c41d7e0 -o sky.mp4")
def retry_command(context: typer.Context, job: str = JOB, out: Path | None = OUT) -> None:
    """Try a failed or cancelled job again; its finished nodes are not repeated."""
    place = open_place(context)
    found = place.jobs.get(job)
    if found.state in ("queued", "running", "paused"):
        raise InputError(
            f"job {job} is {found.state}", hint=f"go on with: spinbot jobs resume {job}", code="job_running"
        )
    _go_on(place, found, out)


@app.command("export", epilog="Example: spinbot jobs export 3f2a9c41d7e0 -o sky.mp4")
def export_command(
    context: typer.Context,
    job: str = JOB,
    out: Path = typer.Option(Path("spinbot.mp4"), "-o", "--out", help="The video to write."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Write the video of a job that succeeded, with subtitles, poster and sidecar."""
    from spinbot.cli.result import check_makes_video, deliver

    place = open_place(context)
    found = place.jobs.get(job)
    check_makes_video(found)
    if found.state != "succeeded":
        command = "retry" if found.state in ("failed", "cancelled") else "resume"
        raise InputError(
            f"job {job} is {found.state}: it has no video yet", hint=f"spinbot jobs {command} {job}", code="not_done"
        )
    deliver(found, out, place.artifacts, as_json=as_json)


@app.command("cancel", epilog="Example: spinbot jobs cancel 3f2a9c41d7e0")
def cancel_command(context: typer.Context, job: str = JOB) -> None:
    """Stop a job, whoever runs it, and wait until it has stopped."""
    _carry_out(open_place(context), job, "cancel")


@app.command("pause", epilog="Example: spinbot jobs pause 3f2a9c41d7e0")
def pause_command(context: typer.Context, job: str = JOB) -> None:
    """Let the running nodes of a job end and start no other; wait until that is so."""
    _carry_out(open_place(context), job, "pause")


@app.command("delete", epilog="Example: spinbot jobs delete 3f2a9c41d7e0")
def delete_command(context: typer.Context, job: str = JOB) -> None:
    """Forget a job that has ended. Its files stay in the cache until `spinbot cache prune` removes them."""
    open_place(context).jobs.delete(job)
    typer.echo(f"{job}: deleted")


def _carry_out(place: Place, job: str, wish: Wish) -> None:
    wanted, back = ("paused", "resume") if wish == "pause" else ("cancelled", "retry")
    if place.jobs.get(job).state != wanted:
        state = place.carry_out(job, wish, Console(stderr=True, highlight=False)).state
        if state != wanted:  # it was quicker
            hint = f"see how it went: spinbot jobs show {job}"
            raise InputError(f"job {job} could not be {wanted}: it is {state}", hint=hint, code="job_ended")
    typer.echo(f"{job}: {wanted}; go on from its finished nodes with: spinbot jobs {back} {job}")


def _go_on(place: Place, found: Job, out: Path | None) -> None:
    from spinbot.cli.result import check_makes_video, deliver
    from spinbot.graphs.export import check_writable

    console = Console(stderr=True, highlight=False)
    if out is not None:
        check_makes_video(found)
        check_writable(out)
    place.prepare([found.graph], console)
    place.jobs.reopen(found.id)
    job = place.run_job(found.id, console)
    if out is not None:
        deliver(job, out, place.artifacts)
    else:
        typer.echo(_done(job))


def _resume_all(place: Place, jobs: list[str]) -> None:
    from spinbot.cli.place import succeeded

    console = Console(stderr=True, highlight=False)
    found = [place.jobs.get(job) for job in jobs]
    if not found:
        typer.echo("no job is interrupted or queued")
        return
    place.prepare([job.graph for job in found], console)
    ended = place.run_jobs(jobs, console)
    for job in ended:
        typer.echo(_done(job))
    for job in ended:  # the first that did not succeed gives the exit code
        succeeded(job)


def _done(job: Job) -> str:
    if job.state == "succeeded" and "video" in job.graph["outputs"]:
        return f"{job.id}: succeeded; write its video with: spinbot jobs export {job.id} -o video.mp4"
    return f"{job.id}: {job.state}" + (f": {job.error['message']}" if job.error else "")


def _state(job: JobSummary, free: set[str]) -> str:
    return "interrupted" if job.state == "running" and job.id in free else job.state


def _took(started: float | None, finished: float | None) -> str:
    return f"{finished - started:.1f} s" if started and finished else ""

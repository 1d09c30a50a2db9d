"""What a finished video job leaves for its user: the files beside each other, and a line about them."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from spinbot.errors import InputError
from spinbot.graphs.export import Readable, export
from spinbot.store.jobs import Job


def check_makes_video(job: Job) -> None:
    """Raise `InputError` for a job whose graph has no output `video`."""
    if "video" not in job.graph["outputs"]:
        raise InputError(
            f"job {job.id} ({job.name}) makes no video",
            hint=f"see what it made with: spinbot jobs show {job.id}",
            code="no_video",
        )


def deliver(job: Job, out: Path, artifacts: Readable, *, captions: bool = True, as_json: bool = False) -> None:
    """Write the video of a succeeded job with all that belongs to it, and print what was written."""
    files = export(job, out, artifacts, captions=captions)
    outputs = job.outputs or {}
    video, script = outputs["video"], outputs.get("script")
    scores = outputs.get("report", {}).get("scores")
    took = (job.finished or 0) - (job.started or 0)
    cached = sum(run.state == "cached" for run in job.nodes.values())
    if as_json:
        result = {
            "job": job.id,
            "video": str(out),
            "files": [str(file) for file in files],
            "seconds": video["seconds"],
            "width": video["width"],
            "height": video["height"],
            "took_s": round(took, 2),
            "cached_nodes": cached,
            "title": script and script["title"],
            "script": script and " ".join(script["sentences"]),
            "scores": scores,
        }
        typer.echo(json.dumps(result))
        return
    lipsync = f", lip-sync {scores['lipsync_correlation']:.2f}" if scores else ""
    typer.echo(
        f"{out}: {video['seconds']:.1f} s, {video['width']}x{video['height']}, made in {took:.1f} s, "
        f"{cached} of {len(job.nodes)} nodes from the cache{lipsync}"
    )

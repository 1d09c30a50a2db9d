"""From a finished job to the files a user asked for: the video, its subtitles, poster and sidecar."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from spinbot import __version__
from spinbot.disk import storage_errors, whole_file
from spinbot.graphs import values
from spinbot.store.jobs import Job

FILES: dict[str, dict[str, str]] = {
    values.Image.__name__: {"artifact": "png"},
    values.Video.__name__: {"artifact": "mp4"},
    values.Speech.__name__: {"audio": "wav", "timing": "json"},
    values.Captions.__name__: {"srt": "srt", "vtt": "vtt"},
}
"""Which fields of a value are files, by the name of its type, and their extension."""


class Readable(Protocol):
    """Where the files of a job's outputs are."""

    def path(self, artifact: str) -> Path:
        """Where the bytes can be read on this machine. Raises `NotFoundError`."""
        ...


def export(job: Job, out: Path, artifacts: Readable, *, captions: bool = True) -> list[Path]:
    """Write `out` and beside it `.srt`, `.vtt` (with `captions`), `.png` (poster) and `.json` (sidecar).

    Each file appears whole or not at all, the video last. Returns what was written. Raises `StorageError`.
    """
    outputs = job.outputs or {}
    copies: dict[Path, Path] = {}
    if captions and "captions" in outputs:
        copies[out.with_suffix(".srt")] = artifacts.path(outputs["captions"]["srt"])
        copies[out.with_suffix(".vtt")] = artifacts.path(outputs["captions"]["vtt"])
    if "poster" in outputs:
        copies[out.with_suffix(".png")] = artifacts.path(outputs["poster"]["artifact"])
    document = json.dumps(sidecar(job), indent=2, ensure_ascii=False)
    with storage_errors(out):
        for target, source in copies.items():
            _copy(source, target)
        with whole_file(out.with_suffix(".json")) as part:
            part.write_text(document + "\n")
        _copy(artifacts.path(outputs["video"]["artifact"]), out)
    return [*copies, out.with_suffix(".json"), out]


def save_outputs(job: Job, folder: Path, artifacts: Readable, node_types: Iterable[dict[str, Any]]) -> list[Path]:
    """Write each file that the outputs of any job name into `folder`, as `<output>.<extension>`.

    `node_types` are descriptions (`describe`) of those in the job's graph. Raises `StorageError`.
    """
    kinds = {kind["type"]: kind for kind in node_types}
    written = []
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in (job.outputs or {}).items():
            link = job.graph["outputs"][name]
            kind = kinds[job.graph["nodes"][link["node"]]["type"]]["outputs"][link["output"]]
            for field, extension in FILES.get(kind, {}).items():
                target = folder / f"{name}.{extension}"
                source = artifacts.path(value[field])
                _copy(source, target)
                written.append(target)
    return written


def check_writable(out: Path) -> None:
    """Raise `StorageError` where `out` could not be written, so that it is known before any work is done."""
    with storage_errors(out):
        if out.is_dir():
            raise IsADirectoryError(21, "it is a folder", str(out))
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out.parent, prefix=".spinbot-"):
            pass


def sidecar(job: Job) -> dict[str, Any]:
    """Everything that made the video: graph, engines with their weights' digests, timings, scores, script."""
    outputs = job.outputs or {}
    return {
        "spinbot": __version__,
        "job": job.id,
        "created": job.created,
        "seconds": round((job.finished or 0) - (job.started or 0), 3),
        "script": outputs.get("script"),
        "scores": outputs.get("report", {}).get("scores"),
        "graph": job.graph,
        "nodes": {
            name: {
                "state": run.state,
                "seconds": round((run.finished or 0) - (run.started or 0), 3),
                "engines": run.engines or {},
                "outputs": run.outputs,
            }
            for name, run in job.nodes.items()
        },
    }


def _copy(source: Path, target: Path) -> None:
    with whole_file(target) as part:
        shutil.copyfile(source, part)

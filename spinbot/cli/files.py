"""`spinbot score` and `spinbot verify`: what a video file shows, says and claims."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console

from spinbot.errors import InputError

SCORE_EXAMPLE = "Example: spinbot score demo.mp4"
VERIFY_EXAMPLE = "Example: spinbot verify demo.mp4"


def score(
    context: typer.Context,
    file: Path = typer.Argument(help="A video with a face and a voice."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Measure lip-sync, blinks, loudness and the length of picture against sound."""
    from spinbot.cli.where import open_place
    from spinbot.media.score import Scores

    _must_exist(file)
    place, console = open_place(context), Console(stderr=True, highlight=False)
    graph = {
        "schema": "spinbot.graph/v1",
        "name": "score",
        "nodes": {"score": {"type": "score_file", "params": {"artifact": place.artifacts.put_file(file)}}},
        "outputs": {"report": {"node": "score", "output": "report"}},
    }
    place.prepare([graph], console)
    job = place.run(graph, console)
    scores = Scores.model_validate((job.outputs or {})["report"]["scores"])
    if as_json:
        typer.echo(scores.model_dump_json())
    else:
        for line in scores.summary():
            typer.echo(line)


def verify(
    file: Path = typer.Argument(help="An MP4, PNG, JPEG or WAV file."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Read the Content Credentials of a file. Exit code 2 when it has none or they are not valid."""
    from spinbot.media.credentials import read

    _must_exist(file)
    found = read(file)
    if as_json:
        typer.echo(json.dumps(vars(found)))
    elif found.has_manifest:
        typer.echo(f"valid: {'yes' if found.valid else 'no'}")
        typer.echo(f"AI-generated: {'yes' if found.ai_generated else 'no'}")
        typer.echo(f"title: {found.title}\nmade with: {found.generator}\nsigned by: {found.issuer}")
        typer.echo(f"models: {', '.join(found.models)}")
        for problem in found.problems:
            typer.echo(f"remark: {problem}")
    if not found.has_manifest:
        raise InputError(
            f"{file} has no Content Credentials", hint="videos made by spinbot carry them", code="no_credentials"
        )
    if not found.valid:
        raise InputError(
            f"the Content Credentials of {file} are not valid: {'; '.join(found.problems)}",
            hint="the file was changed after it was signed; get the original",
            code="bad_credentials",
        )


def _must_exist(file: Path) -> None:
    if not file.is_file():
        raise InputError(f"there is no file {file}", hint="give the path of a file", code="no_file")


def portrait_bytes(path: Path) -> bytes:
    """The bytes of a picture that can be a portrait. Raises `InputError` before anything is started."""
    from spinbot.media.images import read_portrait

    if not path.is_file():
        raise InputError(f"there is no portrait {path}", hint="give the path of a picture", code="no_file")
    data = path.read_bytes()
    read_portrait(data)
    return data

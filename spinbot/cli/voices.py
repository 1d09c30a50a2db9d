"""`spinbot voices`: which voices there are, and how one sounds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from spinbot.disk import storage_errors
from spinbot.engines.tts.base import ANY
from spinbot.errors import NotFoundError

if TYPE_CHECKING:
    from spinbot.cli.place import Place

EXAMPLE = """
Examples:

  spinbot voices

  spinbot voices stock:kumo --play-to sample.wav --text "Good morning from your laptop."
"""


def voices(
    context: typer.Context,
    voice: str = typer.Argument("", help="Only this voice."),
    play_to: Path | None = typer.Option(None, help="Write a spoken sample to this WAV file."),
    text: str = typer.Option("Hello. This is how I sound when I read your script.", help="What the sample says."),
    engine: str = typer.Option("kokoro", help="The speech engine."),
) -> None:
    """List the stock voices, or write a sample of one to a file."""
    from spinbot.cli.where import open_place

    place = open_place(context)
    if play_to is None:
        table = Table(box=None)
        for column in ("voice", "engine", "language", "description"):
            table.add_column(column)
        for known in place.voices():
            if voice in ("", known.name):
                table.add_row(known.name, known.engine, known.language, known.description)
        Console(width=120 if not Console().is_terminal else None).print(table)
        return
    from spinbot.graphs.export import check_writable

    check_writable(play_to)
    chosen, console = find_voice(voice, engine, place), Console(stderr=True, highlight=False)
    graph = {
        "schema": "spinbot.graph/v1",
        "name": "voice_sample",
        "nodes": {
            "script": {"type": "given_script", "params": {"text": text}},
            "speech": {
                "type": "speak",
                "params": {"voice": chosen},
                "inputs": {"script": {"node": "script", "output": "script"}},
                "engine": {"tts": engine},
            },
        },
        "outputs": {"speech": {"node": "speech", "output": "speech"}},
    }
    place.prepare([graph], console)
    job = place.run(graph, console)
    speech = (job.outputs or {})["speech"]
    with storage_errors(play_to):
        shutil.copyfile(place.artifacts.path(speech["audio"]), play_to)
    typer.echo(f"{play_to}: {speech['seconds']:.1f} s of {chosen}")


def find_voice(name: str, engine: str, place: Place) -> str:
    """A voice of an engine: the one of that name, the engine's first for none. Raises `NotFoundError`."""
    place.engine("tts", engine)
    if name.startswith(ANY):
        return name
    offered = [voice.name for voice in place.voices() if voice.engine == engine]
    if name and name not in offered:
        raise NotFoundError(
            f"{engine} has no voice {name!r}", hint=f"voices: {', '.join(offered)}", code="unknown_voice"
        )
    return name or offered[0]

"""`spinbot voices`: which voices there are, and how one sounds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

import typer
from rich.console import Console
from rich.table import Table

from spinbot.disk import storage_errors
from spinbot.engines.registry import ENGINES, engine_class
from spinbot.engines.tts.base import TtsEngine, Voice
from spinbot.errors import NotFoundError

EXAMPLE = """
Examples:

  spinbot voices

  spinbot voices stock:kumo --play-to sample.wav --text "Good morning from your laptop."
"""


def voices(
    voice: str = typer.Argument("", help="Only this voice."),
    play_to: Path | None = typer.Option(None, help="Write a spoken sample to this WAV file."),
    text: str = typer.Option("Hello. This is how I sound when I read your script.", help="What the sample says."),
    engine: str = typer.Option("kokoro", help="The speech engine."),
) -> None:
    """List the stock voices, or write a sample of one to a file."""
    if play_to is None:
        table = Table(box=None)
        for column in ("voice", "engine", "language", "description"):
            table.add_column(column)
        for name in ENGINES["tts"]:
            for known in engine_voices(name):
                if voice in ("", known.name):
                    table.add_row(known.name, name, known.language, known.description)
        Console(width=120 if not Console().is_terminal else None).print(table)
        return
    from spinbot.cli.studio import Studio
    from spinbot.graphs.export import check_writable

    check_writable(play_to)
    chosen = find_voice(voice, engine) if voice else engine_voices(engine)[0]
    studio, console = Studio(), Console(stderr=True, highlight=False)
    graph = {
        "schema": "spinbot.graph/v1",
        "name": "voice_sample",
        "nodes": {
            "script": {"type": "given_script", "params": {"text": text}},
            "speech": {
                "type": "speak",
                "params": {"voice": chosen.name},
                "inputs": {"script": {"node": "script", "output": "script"}},
                "engine": {"tts": engine},
            },
        },
        "outputs": {"speech": {"node": "speech", "output": "speech"}},
    }
    studio.ensure_models(studio.engines_of(graph), console)
    job = studio.run(graph, console)
    speech = (job.outputs or {})["speech"]
    with storage_errors(play_to):
        shutil.copyfile(studio.artifacts.path(speech["audio"]), play_to)
    typer.echo(f"{play_to}: {speech['seconds']:.1f} s of {chosen.name}")


def engine_voices(engine: str) -> tuple[Voice, ...]:
    """The voices of a speech engine, its default first. Raises `NotFoundError`."""
    return cast(type[TtsEngine], engine_class("tts", engine)).voices()


def find_voice(name: str, engine: str) -> Voice:
    """The voice of that name. Raises `NotFoundError` naming those there are."""
    offered = engine_voices(engine)
    for voice in offered:
        if voice.name == name:
            return voice
    known = ", ".join(voice.name for voice in offered)
    raise NotFoundError(f"{engine} has no voice {name!r}", hint=f"voices: {known}", code="unknown_voice")

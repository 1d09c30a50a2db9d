"""`spinbot dataset`: whether what is given to learn from is fit for it, before any training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from spinbot.cli.place import Place
    from spinbot.graphs.template import Template
    from spinbot.media.checkup import Checkup, Finding

app = typer.Typer(
    no_args_is_help=True, help="See whether pictures and recordings of a person are good enough to learn from."
)

EXAMPLE = """
Examples:

  spinbot dataset pictures photos/

  SPINBOT_CAPTION_MODEL=models/blip spinbot dataset pictures photos/ --caption --write

Captions are read from photo.txt or photo.caption beside photo.jpg, or from metadata.jsonl (file_name, text). With
--caption a model of yours describes the pictures that have none; --write keeps its words, for you to correct.
Exit code 2 says that nothing can be learned from them as they are.
"""
VOICE_EXAMPLE = """
Examples:

  spinbot dataset voice interview.m4a

  spinbot dataset voice LJSpeech-1.1/ --json

A folder may be one of LJSpeech (metadata.csv, wavs/), F5-TTS (metadata.csv) or GPT-SoVITS (*.list), or sound files with
a .txt beside each. The first 31 minutes of all together are listened to, however long they are. Another language than
English is named by its tag with SPINBOT_ENGINES__ASR=whisper-base. Exit code 2 says that nothing can be learned from
them as they are.
"""
NOT_FIT = 2
LEVELS = {"note": "note", "left_out": "left out", "stop": "stop"}


@app.command("pictures", epilog=EXAMPLE)
def pictures_command(
    context: typer.Context,
    folder: Path = typer.Argument(help="The folder of the pictures."),
    side: int = typer.Option(512, min=64, max=2048, help="Pixels of the pictures that are to be learned."),
    caption: bool = typer.Option(False, "--caption", help="Describe the pictures that are fit and have no caption."),
    write: bool = typer.Option(False, "--write", help="With --caption: write a .txt beside each of them."),
    as_json: bool = typer.Option(False, "--json", help="Print what was found as JSON."),
) -> None:
    """Find duplicates, blur, bad light, thumbnails, and pictures with no face or several, with a remedy for each."""
    from spinbot.cli.where import open_place
    from spinbot.errors import InputError
    from spinbot.graphs.templates import PictureCheck
    from spinbot.media.images import read_portrait
    from spinbot.media.picture_folder import read_folder, write_captions
    from spinbot.media.picture_set import examine

    if write and not caption:
        raise InputError("--write has nothing to write", hint="give --caption, too", code="bad_option")
    found = read_folder(folder)
    place = open_place(context)
    captions = {file.path: {"caption": file.caption} for file in found.pictures}
    given = bring(place, captions, read_portrait, found.findings)
    request = PictureCheck(pictures=given, side=side, auto_caption=caption) if given else None
    outputs = _run(place, request) if request else {}
    written = {one["name"]: one["text"] for one in outputs.get("picture_captions", {}).get("captions", ())}
    if write:
        found.findings += write_captions(folder, written)
    more = {"captions": written} if caption else {}
    _tell(outputs.get("checkup"), examine([]), found.findings, "look", as_json, more)


@app.command("voice", epilog=VOICE_EXAMPLE)
def voice_command(
    context: typer.Context,
    recordings: Path = typer.Argument(help="A sound file, or the folder of a data set."),
    as_json: bool = typer.Option(False, "--json", help="Print what was found as JSON, with the clips and their words."),
) -> None:
    """Cut recordings into clips and write down what is said; find noise, music, other people, languages and words."""
    from spinbot.cli.where import open_place
    from spinbot.graphs.templates import RecordingCheck
    from spinbot.media.recording_folder import begin, read_recordings
    from spinbot.media.voice_set import examine

    found = read_recordings(recordings)
    place = open_place(context)
    texts = {file.path: {"text": file.text} for file in found.recordings}
    given = bring(place, texts, begin, found.findings)
    checked = _run(place, RecordingCheck(recordings=given))["checkup"] if given else None
    clips = {"clips": checked["clips"]} if checked else {}
    _tell(checked, examine([]), found.findings, "voice", as_json, clips)


def bring(
    place: Place, files: dict[Path, dict[str, str]], read: Callable[[Path], Any], findings: list[Finding]
) -> list[dict[str, str]]:
    """Store the files that `read` can read, each with its words; the others become findings and stay here."""
    from spinbot.errors import InputError
    from spinbot.graphs.nodes.dataset import unusable

    given = []
    for path, words in files.items():
        try:
            read(path)
        except InputError as error:
            findings.append(unusable(path.name, error))
        else:
            given.append({"artifact": place.artifacts.put_file(path), "name": path.name} | words)
    return given


def _run(place: Place, request: Template) -> dict[str, Any]:
    """The job's outputs."""
    graph, console = request.graph(), Console(stderr=True, highlight=False)
    place.prepare([graph], console)
    return place.run(graph, console).outputs or {}


def _tell(
    checked: dict[str, Any] | None,
    none: Checkup,
    findings: list[Finding],
    what: str,
    as_json: bool,
    more: dict[str, Any],
) -> None:
    """Print the verdict; ends the command. `none` is that on nothing at all; `more` is printed as JSON only.

    Captions among `more` are printed in any case.
    """
    from spinbot.media.checkup import Checkup

    found = none if checked is None else Checkup.model_validate(checked["checkup"])
    checkup = found.besides(findings)
    if as_json:
        typer.echo(json.dumps(checkup.model_dump(mode="json") | more))
    else:
        for name, text in more.get("captions", {}).items():
            typer.echo(f"{name}: {text}")
        show(checkup, what)
    raise typer.Exit(0 if checkup.go else NOT_FIT)


def show(checkup: Checkup, what: str) -> None:
    """Print what was found, and the verdict."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("which", "", "what", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in checkup.findings:
        table.add_row(finding.name or "all", LEVELS[finding.level], finding.message, finding.remedy)
    if checkup.findings:
        Console(highlight=False).print(table)
    verdict = f"a {what} can be learned from them" if checkup.go else "nothing can be learned from them as they are"
    typer.echo(f"{len(checkup.used)} used, {len(checkup.left_out)} left out: {verdict}")

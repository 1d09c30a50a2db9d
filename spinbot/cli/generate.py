"""`spinbot generate`: a topic or a script and a portrait become a talking video."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from spinbot.errors import InputError

if TYPE_CHECKING:
    from spinbot.cli.place import Place

EXAMPLE = """
Examples:

  spinbot generate "why the sky is blue" -o sky.mp4

  spinbot generate --script speech.txt --portrait me.jpg --aspect 9:16 --captions burn -o me.mp4

  spinbot generate "how to bake bread" --look "an old baker with a white beard" -o baker.mp4

  echo "Hello from spinbot." | spinbot generate --script - --voice stock:kumo

  spinbot generate --edit 3f2a9c41d7e0 --sentence 3 "It was a red boat." -o edited.mp4
"""


SOMEBODY = "a woman with long brown hair in a green sweater, white wall"
"""Who is drawn where nobody is named."""


class Aspect(StrEnum):
    """Shape of the video."""

    portrait = "9:16"
    square = "1:1"
    landscape = "16:9"


class Captions(StrEnum):
    """Where captions go."""

    burn = "burn"
    srt = "srt"
    none = "none"


def generate(
    context: typer.Context,
    topic: str = typer.Argument(
        "", help="What to talk about; the script is written for you. With --edit: the new text."
    ),
    portrait: Path | None = typer.Option(None, help="A picture with a face; without it, somebody is drawn."),
    look: str = typer.Option("", help="In place of a portrait: who is to be drawn, in words; of a profile: how."),
    profile: str = typer.Option("", help="In place of a portrait: a person of `spinbot profile list`."),
    script: str = typer.Option("", help="A text file with what to say, or - for standard input, in place of a topic."),
    voice: str = typer.Option("", help="A voice of `spinbot voices`, or any:female or any:male."),
    seconds: float = typer.Option(10, min=4, max=120, help="Length of a written script."),
    aspect: Aspect = typer.Option(Aspect.square, help="Shape of the video."),
    captions: Captions = typer.Option(Captions.srt, help="burn: into the picture; srt: files beside the video."),
    sway: float = typer.Option(1.0, min=0, max=2, help="Head movement: 0 still, 1 slight, 2 lively."),
    seed: int = typer.Option(0, min=0, help="The same seed gives the same video."),
    engine: list[str] = typer.Option([], help="Use another engine: slot=name. May be given several times."),
    edit: str = typer.Option("", help="A job whose video to make again with one sentence said otherwise."),
    sentence: int = typer.Option(0, min=0, help="With --edit: which sentence, from 1."),
    out: Path = typer.Option(Path("spinbot.mp4"), "-o", "--out", help="The video to write."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Make a talking video of a topic or a script.

    Writes the video, subtitles (.srt, .vtt), a poster (.png) and a sidecar (.json) with everything that made it.
    """
    from spinbot.cli.files import portrait_bytes
    from spinbot.cli.result import deliver
    from spinbot.cli.voices import find_voice
    from spinbot.cli.where import open_place
    from spinbot.graphs.casting import cast
    from spinbot.graphs.export import check_writable
    from spinbot.graphs.films import TalkingPortrait

    if edit or sentence:
        _check_edit(context, edit, sentence)
        _edit(context, edit, sentence, topic, out, as_json)
        return
    console = Console(stderr=True, highlight=False)
    check_writable(out)
    text = _read_script(script) if script else ""
    if portrait and (look or profile):
        raise InputError("--portrait goes with neither --look nor --profile", hint="leave one out")
    data = portrait_bytes(portrait) if portrait else b""
    place = open_place(context)
    engines = parse_engines(engine, place)
    speaker = engines.get("tts") or place.engine("tts")
    if voice:
        find_voice(voice, speaker, place)
    params = {
        "topic": topic,
        "script": text,
        "seconds": seconds,
        "aspect": aspect.value,
        "captions": captions.value,
        "sway": sway,
        "seed": seed,
        "engine": engines,
    }
    if voice:
        params["voice"] = voice
    used = None
    if look or not (portrait or profile):
        params["look"] = look or SOMEBODY
    if profile:
        person = place.people.get(profile)
        params, used = cast(TalkingPortrait.name, params, person), person.id
    elif portrait:
        params["portrait"] = place.artifacts.put_bytes(data)
    graph = TalkingPortrait.model_validate(params).graph()
    place.prepare([graph], console)
    job = place.run(graph, console, profile=used)
    deliver(job, out, place.artifacts, captions=captions is not Captions.none, as_json=as_json)


def _check_edit(context: typer.Context, edit: str, sentence: int) -> None:
    """Raise `InputError` for what does not go with --edit, rather than pass over it."""
    hint = 'spinbot generate --edit JOB --sentence 3 "the new text" -o edited.mp4'
    if not edit or not sentence:
        raise InputError("--edit and --sentence go together", hint=hint)
    takes = ("edit", "sentence", "topic", "out", "as_json")
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in takes and source is not None and source.name == "COMMANDLINE":
            raise InputError(f"--edit changes one sentence; it does not take --{name}", hint=hint)


def _edit(context: typer.Context, job: str, sentence: int, text: str, out: Path, as_json: bool) -> None:
    """Run a job's graph again with one sentence of its script replaced, and write the video."""
    from spinbot.cli.result import check_makes_video, deliver
    from spinbot.cli.where import open_place
    from spinbot.graphs.export import check_writable

    check_writable(out)
    place = open_place(context)
    old = place.jobs.get(job)
    check_makes_video(old)
    deliver(
        place.edit(old, sentence, text, Console(stderr=True, highlight=False)), out, place.artifacts, as_json=as_json
    )


def parse_engines(pairs: list[str], place: Place) -> dict[str, str]:
    """`["tts=piper"]` as `{"tts": "piper"}`, if there are such engines. Raises `InputError`, `NotFoundError`."""
    chosen: dict[str, str] = {}
    for pair in pairs:
        slot, equals, name = pair.partition("=")
        if not equals:
            raise InputError(f"--engine takes slot=name, not {pair!r}", hint="for example --engine tts=piper")
        chosen[slot] = place.engine(slot, name)
    return chosen


def _read_script(source: str) -> str:
    if source == "-":
        text = sys.stdin.read()
    else:
        path = Path(source)
        if not path.is_file():
            raise InputError(f"there is no script file {source}", hint="give a text file, or - for standard input")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{source} is not UTF-8 text", hint="save the script as plain text in UTF-8") from error
    if not text.strip():
        raise InputError("the script is empty", hint="write at least one sentence", code="empty_script")
    return text

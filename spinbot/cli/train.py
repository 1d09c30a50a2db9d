"""`spinbot train`: pictures and recordings of a person become a look and a voice of their profile."""

from __future__ import annotations

import json
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console

from spinbot.disk import storage_errors
from spinbot.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from spinbot.cli.place import Place
    from spinbot.store.profiles import Profile

app = typer.Typer(no_args_is_help=True, help="Train a look or a voice of a person.")

LOOK_EXAMPLE = """
Examples:

  spinbot train look photos/ --name ada --person "Ada Lovelace" --purpose "our course videos"

  spinbot train look photos/ --name ada --steps 600 --set rank=16 --set learning_rate=0.0005 -o lora/

Captions are read from photo.txt or photo.caption beside photo.jpg, or from metadata.jsonl (file_name, text). What they
say is not learned as part of the person, so let them tell clothes and background; [trigger] stands for the word that
names the person. Stopped with Ctrl-C or by a crash, `jobs resume` goes on from its last checkpoint.

What --set takes: rank, alpha, batch_size, gradient_accumulation_steps, learning_rate, optimizer, lr_scheduler,
lr_warmup_steps, target_modules, resolution, flip, caption_dropout_rate, prior_pictures, prior_prompts, min_snr_gamma,
noise_offset, ema_decay, mixed_precision, gradient_checkpointing, save_precision, sample_every_n_steps, sample_prompts,
keep_last, patience, checkpoint_seconds and more; docs/training.md explains each. Lists are written as JSON.
"""


VOICE_EXAMPLE = """
Examples:

  spinbot train voice interview.m4a --name ada --person "Ada Lovelace" --purpose "our course videos"

  spinbot train voice LJSpeech-1.1/ --name ada --steps 240 -o voice/

A folder may be one of LJSpeech (metadata.csv, wavs/), F5-TTS (metadata.csv) or GPT-SoVITS (*.list), or sound files with
a .txt beside each. Similarity is that of the speaker encoder to clips that were held out: recordings of one person have
0.8 to 0.95, of two 0.45 to 0.75. Stopped, `jobs resume` goes on from its last checkpoint.
"""


class Preset(StrEnum):
    """What is learned."""

    person = "person"
    style = "style"
    object = "object"


@app.callback()
def group() -> None:
    """Train a look or a voice of a person."""


@app.command("look", epilog=LOOK_EXAMPLE)
def look_command(
    context: typer.Context,
    folder: Path = typer.Argument(help="The folder of the pictures."),
    name: str = typer.Option(help="The profile that gets the look; made if there is none."),
    person: str = typer.Option("", help="Who is shown, for the consent of a new profile."),
    purpose: str = typer.Option("", help="What the person has agreed to."),
    trigger: str = typer.Option("", help="The word that stands for the person in prompts; ohwx if not given."),
    preset: Preset = typer.Option(Preset.person, help="What is learned."),
    steps: int = typer.Option(0, min=0, help="Steps of the training; 0: the preset's."),
    seed: int = typer.Option(0, min=0, help="The same seed trains the same look."),
    sets: list[str] = typer.Option([], "--set", help="Any other setting: name=value. May be given several times."),
    engine: list[str] = typer.Option([], help="Use another engine: lora_trainer=name."),
    out: Path | None = typer.Option(
        None, "-o", "--out", help="A folder for copies of the LoRA in both layouts, its samples and its curve."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Teach the text-to-image model how a person looks, from 10 to 30 pictures; 3 are the least."""
    from spinbot.cli.dataset import bring, show
    from spinbot.cli.generate import parse_engines
    from spinbot.cli.where import open_place
    from spinbot.engines.lora_trainer.settings import LookSettings
    from spinbot.graphs.casting import cast
    from spinbot.graphs.trainings import LookTraining
    from spinbot.media.checkup import Checkup
    from spinbot.media.images import read_portrait
    from spinbot.media.picture_folder import read_folder

    given = {"preset": preset.value, "seed": seed} | parse_settings(sets, LookSettings)
    given |= {"trigger": trigger} if trigger else {}
    settings = given | ({"max_train_steps": steps} if steps else {})
    _check(LookSettings, settings, "look")
    found = read_folder(folder)
    place, console = open_place(context), Console(stderr=True, highlight=False)
    profile = consenting(place, name, person, purpose)
    captions = {file.path: {"caption": file.caption} for file in found.pictures}
    pictures = bring(place, captions, read_portrait, found.findings)
    if not pictures:
        raise InputError(f"no picture in {folder} can be read", hint=f"spinbot dataset pictures {folder}")
    params = {"pictures": pictures, "settings": settings, "engine": parse_engines(engine, place)}
    graph = LookTraining.model_validate(cast(LookTraining.name, params, profile)).graph()
    place.prepare([graph], console)
    outputs = place.run(graph, console, profile=profile.id).outputs or {}
    part = place.people.get(name).newest("look")
    if out is not None:
        _copies(place, outputs, out)
    checkup = Checkup.model_validate(outputs["checkup"]["checkup"]).besides(found.findings)
    if as_json:
        told = {"profile": name, "version": part.version if part else None, "look": outputs["look"]}
        typer.echo(json.dumps(told | {"checkup": checkup.model_dump(mode="json")}))
        return
    show(checkup, "look")
    look = outputs["look"]
    best = next(version for version in look["versions"] if version["artifact"] == look["artifact"])
    typer.echo(
        f"{name}: look {part.version if part else '?'}, step {best['step']} of {look['stopped_at']}, "
        f'likeness {best["score"]:.2f}; say {look["trigger"]} in a prompt, or: spinbot draw "..." --profile {name}'
    )


@app.command("voice", epilog=VOICE_EXAMPLE)
def voice_command(
    context: typer.Context,
    recordings: Path = typer.Argument(help="A sound file, or the folder of a data set."),
    name: str = typer.Option(help="The profile that gets the voice; made if there is none."),
    person: str = typer.Option("", help="Who is heard, for the consent of a new profile."),
    purpose: str = typer.Option("", help="What the person has agreed to."),
    steps: int = typer.Option(0, min=0, help="Steps of the training; 0: 120, some eight minutes on two cores."),
    seed: int = typer.Option(0, min=0, help="The same seed trains the same voice."),
    sets: list[str] = typer.Option([], "--set", help="Any other setting: name=value. May be given several times."),
    engine: list[str] = typer.Option([], help="Use another engine: voice_trainer=name."),
    out: Path | None = typer.Option(
        None, "-o", "--out", help="A folder for the voice, a sentence before and after, and the curve."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Fit a voice to recordings of a person: a minute of clear speech at least, 15 seconds are the least."""
    from spinbot.cli.dataset import bring, show
    from spinbot.cli.generate import parse_engines
    from spinbot.cli.where import open_place
    from spinbot.engines.voice_trainer.settings import VoiceSettings
    from spinbot.graphs.casting import cast
    from spinbot.graphs.trainings import VoiceTraining
    from spinbot.media.audio import read_audio
    from spinbot.media.checkup import Checkup
    from spinbot.media.recording_folder import read_recordings

    settings = {"seed": seed} | parse_settings(sets, VoiceSettings) | ({"max_train_steps": steps} if steps else {})
    _check(VoiceSettings, settings, "voice")
    found = read_recordings(recordings)
    place, console = open_place(context), Console(stderr=True, highlight=False)
    profile = consenting(place, name, person, purpose)
    texts = {file.path: {"text": file.text} for file in found.recordings}
    given = bring(place, texts, read_audio, found.findings)
    if not given:
        raise InputError(f"there is no sound in {recordings}", hint=f"spinbot dataset voice {recordings}")
    params = {"recordings": given, "settings": settings, "engine": parse_engines(engine, place)}
    graph = VoiceTraining.model_validate(cast(VoiceTraining.name, params, profile)).graph()
    place.prepare([graph], console)
    outputs = place.run(graph, console, profile=profile.id).outputs or {}
    voice, part = outputs["voice"], place.people.get(name).newest("voice")
    if out is not None:
        names = {"voice.safetensors": "artifact", "before.wav": "before", "after.wav": "after"}
        copied = {file: voice[field] for file, field in names.items()}
        _copy(place, copied | {"curve.png": outputs["curve"]["artifact"]}, out)
    checkup = Checkup.model_validate(outputs["checkup"]["checkup"]).besides(found.findings)
    if as_json:
        told = {"profile": name, "version": part.version if part else None, "voice": voice}
        typer.echo(json.dumps(told | {"checkup": checkup.model_dump(mode="json")}))
        return
    show(checkup, "voice")
    typer.echo(
        f"{name}: voice {part.version if part else '?'}, {voice['stopped_at']} steps from {voice['start']}, similarity "
        f"{voice['similarity_before']:.2f} -> {voice['similarity']:.2f}, word error {voice['word_error']:.0%}"
    )


def consenting(place: Place, name: str, person: str, purpose: str) -> Profile:
    """The profile of that name with a consent on record; made, and asked for at a terminal, where there is none.

    Raises `InputError` (`consent_required`) where nobody attests it.
    """
    if bool(person) != bool(purpose):
        raise InputError("a consent names the person and the purpose", hint="give --person and --purpose")
    try:
        profile = place.people.get(name)
    except NotFoundError:
        if not person and not sys.stdin.isatty():
            raise InputError(
                f"there is no profile {name}, and nothing is trained before the person has agreed",
                hint='give --person "Their Name" --purpose "what they have agreed to"',
                code="consent_required",
            ) from None
        place.people.create(name, "")
        profile = place.people.get(name)
    if profile.consent is None and not person and sys.stdin.isatty():
        typer.echo("Nothing is trained before the person has agreed; the answers stand in all that is made.", err=True)
        person = typer.prompt("Who is shown or heard", err=True)
        purpose = typer.prompt("What have they agreed to", err=True)
    if person:
        place.people.attest(name, person, purpose, None)
        profile = place.people.get(name)
    profile.agreed()
    return profile


def parse_settings(pairs: list[str], kind: type[BaseModel]) -> dict[str, Any]:
    """`["rank=16", "flip=false"]` as a dictionary; values are JSON where they can be read as such."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in kind.model_fields:
            near = ", ".join(kind.model_fields)
            raise InputError(f"--set takes name=value, not {pair!r}", hint=f"names: {near}", code="bad_setting")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _check(kind: type[BaseModel], settings: dict[str, Any], what: str) -> None:
    """Raises `InputError` naming each setting that is wrong."""
    try:
        kind.model_validate(settings)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise InputError("; ".join(faults), hint=f"spinbot train {what} --help", code="bad_setting") from error


def _copies(place: Place, outputs: dict[str, Any], folder: Path) -> None:
    """The files of a look, under names that other programs know."""
    look = outputs["look"]
    best = next(version for version in look["versions"] if version["artifact"] == look["artifact"])
    names = {
        "pytorch_lora_weights.safetensors": look["artifact"],
        f"{look['trigger']}.safetensors": best["kohya"],
        "samples.png": outputs["samples"]["artifact"],
        "curve.png": outputs["curve"]["artifact"],
        "events.out.tfevents.spinbot": look["log"],
    }
    _copy(place, names, folder)


def _copy(place: Place, files: dict[str, str], folder: Path) -> None:
    """Artifacts under names in a folder. Raises `StorageError`."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, artifact in files.items():
            shutil.copyfile(place.artifacts.path(artifact), folder / name)

"""`spinbot train`: pictures and recordings of a person become a look and a voice of their profile."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console

from spinbot.disk import storage_errors
from spinbot.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spinbot.cli.place import Place
    from spinbot.graphs.template import Template
    from spinbot.media.checkup import Finding
    from spinbot.store.profiles import PartKind, Profile

app = typer.Typer(no_args_is_help=True, help="Train a look or a voice of a person.")

LOOK_EXAMPLE = """
Examples:

  spinbot train look photos/ --name ada --person "Ada Lovelace" --purpose "our course videos"

  spinbot train look photos/ --name ada --steps 600 --set rank=16 --set learning_rate=0.0005 -o lora/

Captions are read from photo.txt or photo.caption beside photo.jpg, or from metadata.jsonl (file_name, text). What they
say is not learned as part of the person, so let them tell clothes and background; [trigger] stands for the word that
names the person. With --caption a model of yours (SPINBOT_CAPTION_MODEL) describes the pictures that have no caption;
`dataset pictures --caption` shows its words beforehand.

Stopped with Ctrl-C or by a crash, `jobs resume` goes on from its last checkpoint.

docs/training.md lists what --set takes, and so does a name that is none. Lists are written as JSON.
"""
VOICE_EXAMPLE = """
Examples:

  spinbot train voice interview.m4a --name ada --person "Ada Lovelace" --purpose "our course videos"

  spinbot train voice LJSpeech-1.1/ --name ada --steps 240 -o voice/

A folder may be one of LJSpeech (metadata.csv, wavs/), F5-TTS (metadata.csv) or GPT-SoVITS (*.list), or sound files with
a .txt beside each. They are freed of steady noise, and beyond half an hour nothing is used; `dataset voice`
tells beforehand what is left out, and why. Similarity is that of the speaker encoder to clips that were held out:
recordings of one person have 0.8 to 0.95, of two 0.45 to 0.75. Stopped, `jobs resume` goes on from its last checkpoint.
"""


class Preset(StrEnum):
    """What is learned."""

    person = "person"
    style = "style"
    object = "object"


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
    caption: bool = typer.Option(False, "--caption", help="Describe the pictures that have no caption."),
    sets: list[str] = typer.Option([], "--set", help="Any other setting: name=value. May be given several times."),
    engine: list[str] = typer.Option([], help="Use another engine: lora_trainer=name."),
    out: Path | None = typer.Option(
        None, "-o", "--out", help="A folder for copies of the LoRA in both layouts, its samples and its curve."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Teach the text-to-image model how a person looks, from 10 to 30 pictures; 3 are the least."""
    from spinbot.engines.lora_trainer.settings import LookSettings
    from spinbot.graphs.trainings import LookTraining
    from spinbot.media.images import read_portrait
    from spinbot.media.picture_folder import read_folder

    fixed = {"preset": preset.value, "seed": seed} | ({"trigger": trigger} if trigger else {})
    settings = parse_settings(LookSettings, sets, fixed, steps)
    found = read_folder(folder)
    captions = {file.path: {"caption": file.caption} for file in found.pictures}
    more = {"auto_caption": True} if caption else {}
    given = Given(captions, read_portrait, found.findings, "pictures", more)
    trained = _train(context, LookTraining, settings, given, name=name, person=person, purpose=purpose, engine=engine)
    look = trained.outputs["look"]
    best = next(version for version in look["versions"] if version["artifact"] == look["artifact"])
    files = {
        "pytorch_lora_weights.safetensors": look["artifact"],
        f"{look['trigger']}.safetensors": best["kohya"],
        "samples.png": trained.outputs["samples"]["artifact"],
        "curve.png": trained.outputs["curve"]["artifact"],
        "events.out.tfevents.spinbot": look["log"],
        "metadata.jsonl": look["captions"],
    }
    told = (
        f"step {best['step']} of {look['stopped_at']}, likeness {best['score']:.2f}; "
        f'say {look["trigger"]} in a prompt, or: spinbot draw "..." --profile {name}'
    )
    trained.tell("look", files, out, told, as_json)


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
    """Fit a voice to recordings of a person: one to ten minutes of clear English; 15 seconds are the least."""
    from spinbot.engines.voice_trainer.settings import VoiceSettings
    from spinbot.graphs.trainings import VoiceTraining
    from spinbot.media.recording_folder import begin, read_recordings

    settings = parse_settings(VoiceSettings, sets, {"seed": seed}, steps)
    found = read_recordings(recordings)
    texts = {file.path: {"text": file.text} for file in found.recordings}
    given = Given(texts, begin, found.findings, "recordings", {})
    trained = _train(context, VoiceTraining, settings, given, name=name, person=person, purpose=purpose, engine=engine)
    voice = trained.outputs["voice"]
    files = {
        "voice.safetensors": voice["artifact"],
        "before.wav": voice["before"],
        "after.wav": voice["after"],
        "curve.png": trained.outputs["curve"]["artifact"],
    }
    told = (
        f"{voice['stopped_at']} steps from {voice['start']}, similarity {voice['similarity_before']:.2f} -> "
        f"{voice['similarity']:.2f}, word error {voice['word_error']:.0%}"
    )
    trained.tell("voice", files, out, told, as_json)


@dataclass(frozen=True)
class Given:
    """What is to be learned from: files with the words that belong to them, and how to read one."""

    files: dict[Path, dict[str, str]]
    read: Callable[[Path], Any]
    findings: list[Finding]
    """About files that are not even looked at."""
    field: str
    """The template's name for them."""
    more: dict[str, Any]
    """Other parameters of the template."""


@dataclass(frozen=True)
class Trained:
    """A training that succeeded."""

    place: Place
    before: Profile
    """Without what was trained."""
    outputs: dict[str, Any]
    findings: list[Finding]

    def tell(self, kind: PartKind, files: dict[str, str], out: Path | None, told: str, as_json: bool) -> None:
        """Copy `files`, artifacts by name, to the folder `out`, and print what came of it."""
        from spinbot.cli.dataset import show
        from spinbot.media.checkup import Checkup

        if out is not None:
            _copy(self.place, files, out)
        name, old = self.before.name, self.before.newest(kind)
        part = self.place.people.get(name).newest(kind)
        version = part.version if part else None
        same = bool(old and part and old.version == part.version)
        checkup = Checkup.model_validate(self.outputs["checkup"]["checkup"]).besides(self.findings)
        if as_json:
            answer = {"profile": name, "version": version, "new": not same, kind: self.outputs[kind]}
            typer.echo(json.dumps(answer | {"checkup": checkup.model_dump(mode="json")}))
            return
        show(checkup, kind)
        again = " as it was: the same files and settings teach the same" if same else ""
        typer.echo(f"{name}: {kind} {version}{again}, {told}")


def _train(
    context: typer.Context,
    template: type[Template],
    settings: dict[str, Any],
    given: Given,
    *,
    name: str,
    person: str,
    purpose: str,
    engine: list[str],
) -> Trained:
    """Run a training for the profile `name`. Raises `InputError` for what cannot be read, or without consent."""
    from spinbot.cli.dataset import bring
    from spinbot.cli.generate import parse_engines
    from spinbot.cli.where import open_place
    from spinbot.graphs.casting import cast

    place, console = open_place(context), Console(stderr=True, highlight=False)
    profile = consenting(place, name, person, purpose)
    findings = list(given.findings)
    brought = bring(place, given.files, given.read, findings)
    if not brought:
        faults = "; ".join(f"{finding.name}: {finding.message}" for finding in findings[:5])
        raise InputError(f"none of the {given.field} can be read: {faults}", hint="spinbot dataset --help")
    params = {given.field: brought, "settings": settings, "engine": parse_engines(engine, place)} | given.more
    graph = template.model_validate(cast(template.name, params, profile)).graph()
    place.prepare([graph], console)
    outputs = place.run(graph, console, profile=profile.id).outputs or {}
    return Trained(place, profile, outputs, findings)


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


def parse_settings(kind: type[BaseModel], pairs: list[str], fixed: dict[str, Any], steps: int) -> dict[str, Any]:
    """`["rank=16", "flip=false"]` over what is `fixed`, and `steps` unless 0; values are JSON where they can be.

    Raises `InputError` naming each setting that is wrong.
    """
    found = dict(fixed)
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in kind.model_fields:
            near = ", ".join(kind.model_fields)
            raise InputError(f"--set takes name=value, not {pair!r}", hint=f"names: {near}", code="bad_setting")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    found |= {"max_train_steps": steps} if steps else {}
    try:
        kind.model_validate(found)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise InputError("; ".join(faults), hint="see --help and docs/training.md", code="bad_setting") from error
    return found


def _copy(place: Place, files: dict[str, str], folder: Path) -> None:
    """Artifacts under names in a folder. Raises `StorageError`."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, artifact in files.items():
            shutil.copyfile(place.artifacts.path(artifact), folder / name)

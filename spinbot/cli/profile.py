"""`spinbot profile`: people, what they agreed to, and what there is of them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from spinbot.cli.files import portrait_bytes
from spinbot.errors import InputError

if TYPE_CHECKING:
    from spinbot.cli.place import Place

app = typer.Typer(no_args_is_help=True, help="People: their consent, portraits, trained looks and voices.")

CREATE_EXAMPLE = """
Examples:

  spinbot profile create ada --portrait ada.jpg --person "Ada Lovelace" --purpose "our course videos"

  spinbot generate "what an engine is" --profile ada -o ada.mp4
"""
CONSENT_EXAMPLE = """
Example: spinbot profile consent ada --person "Ada Lovelace" --purpose "our course videos" --sample consent.wav
"""
NAME = typer.Argument(help="The profile's name.")
PERSON = typer.Option("", help="Who is shown and heard.")
PURPOSE = typer.Option("", help="What the person has agreed to.")
SAMPLE = typer.Option(None, help="A recording in which the person says so.")
JSON = typer.Option(False, "--json", help="Print as JSON.")


@app.command("create", epilog=CREATE_EXAMPLE)
def create_command(
    context: typer.Context,
    name: str = typer.Argument(help="Small letters, digits, - and _."),
    portrait: Path | None = typer.Option(None, help="A picture with the person's face."),
    voice: str = typer.Option("", help="A voice of `spinbot voices`, or any:female or any:male."),
    person: str = PERSON,
    purpose: str = PURPOSE,
    sample: Path | None = SAMPLE,
) -> None:
    """Create a profile. With --person and --purpose you attest that the person has agreed."""
    from spinbot.cli.where import open_place

    data = portrait_bytes(portrait) if portrait else b""
    if bool(person) != bool(purpose):
        raise InputError("a consent names the person and the purpose", hint="give --person and --purpose")
    place = open_place(context)
    place.people.create(name, voice)
    if data:
        place.people.add_portrait(name, place.artifacts.put_bytes(data))
    if person:
        place.people.attest(name, person, purpose, _sample(place, sample))
    typer.echo(_line(place, name))


@app.command("consent", epilog=CONSENT_EXAMPLE)
def consent_command(
    context: typer.Context,
    name: str = NAME,
    person: str = PERSON,
    purpose: str = PURPOSE,
    sample: Path | None = SAMPLE,
) -> None:
    """Attest what the person has agreed to; it stands in the Content Credentials of all that is made of them."""
    from spinbot.cli.where import open_place

    if not person or not purpose:
        raise InputError("a consent names the person and the purpose", hint="give --person and --purpose")
    place = open_place(context)
    place.people.attest(name, person, purpose, _sample(place, sample))
    typer.echo(_line(place, name))


@app.command("add", epilog="Example: spinbot profile add ada ada-in-june.jpg")
def add_command(context: typer.Context, name: str = NAME, portrait: Path = typer.Argument(help="A picture.")) -> None:
    """Add a picture, which is the portrait from now on."""
    from spinbot.cli.where import open_place

    data = portrait_bytes(portrait)
    place = open_place(context)
    place.people.add_portrait(name, place.artifacts.put_bytes(data))
    typer.echo(_line(place, name))


@app.command("list", epilog="Example: spinbot profile list --json")
def list_command(context: typer.Context, as_json: bool = JSON) -> None:
    """List the profiles."""
    from spinbot.cli.where import open_place

    found = open_place(context).people.all()
    if as_json:
        typer.echo(json.dumps([asdict(profile) for profile in found]))
        return
    table = Table(box=None)
    for column in ("profile", "person", "portraits", "looks", "voices", "voice"):
        table.add_column(column)
    for profile in found:
        counts = [sum(part.kind == kind for part in profile.parts) for kind in ("portrait", "look", "voice")]
        person = profile.consent.person if profile.consent else "(no consent)"
        table.add_row(profile.name, person, *map(str, counts), profile.voice)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


@app.command("show", epilog="Example: spinbot profile show ada")
def show_command(context: typer.Context, name: str = NAME, as_json: bool = JSON) -> None:
    """Show a profile with all its versions."""
    from spinbot.cli.where import open_place

    place = open_place(context)
    profile = place.people.get(name)
    if as_json:
        typer.echo(json.dumps(asdict(profile)))
        return
    typer.echo(_line(place, name))
    if consent := profile.consent:
        typer.echo(f"  {consent.person} agreed to: {consent.purpose}; attested by {consent.attested_by}")
    for part in profile.parts:
        typer.echo(f"  {part.kind} {part.version}: {part.artifact}")


@app.command("delete", epilog="Example: spinbot profile delete ada --dry-run")
def delete_command(
    context: typer.Context,
    name: str = NAME,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
    as_json: bool = JSON,
) -> None:
    """Delete a profile with everything made of it: its versions, the jobs that used it, and their files."""
    from spinbot.cli.where import open_place

    gone = open_place(context).people.delete(name, dry_run)
    if as_json:
        typer.echo(json.dumps(asdict(gone) | {"deleted": not dry_run}))
        return
    what = f"{', '.join(gone.parts) or 'no parts'}; {len(gone.jobs)} jobs and {len(gone.artifacts)} files of these"
    typer.echo(f"{name}: {what} {'would go' if dry_run else 'are gone'}")


def _sample(place: Place, path: Path | None) -> str | None:
    """The artifact of a recording. Raises `InputError`."""
    if path is None:
        return None
    if not path.is_file():
        raise InputError(f"there is no recording {path}", hint="give the path of a sound or a video", code="no_file")
    return place.artifacts.put_file(path)


def _line(place: Place, name: str) -> str:
    """How far a profile is, and what it lacks."""
    profile = place.people.get(name)
    lacks = [
        what for what, there in (("a portrait", profile.newest("portrait")), ("consent", profile.consent)) if not there
    ]
    return f"{profile.name}: {'it still needs ' + ' and '.join(lacks) if lacks else 'ready'}"

"""`spinbot draw`: words become a picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import typer
from rich.console import Console

from spinbot.disk import storage_errors

EXAMPLE = """
Examples:

  spinbot draw "a woman with long red hair and round glasses, blue wall" -o anna.png

  spinbot draw "an old chef with a white beard" --size 1024x576 --seed 3 -o chef.png

  spinbot draw "in a red dress, green background" --profile ada -o ada.png
"""


def draw(
    context: typer.Context,
    prompt: str = typer.Argument(help="What the picture shows, in English."),
    size: str = typer.Option("1024x1024", help="Width x height in pixels, 64 to 2048 each."),
    profile: str = typer.Option("", help="Who is shown: a person of `spinbot profile list` whose look was trained."),
    seed: int = typer.Option(0, min=0, help="Another seed gives another picture of the same words."),
    engine: list[str] = typer.Option([], help="Use another engine: image=name."),
    out: Path = typer.Option(Path("picture.png"), "-o", "--out", help="The PNG to write."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Draw a portrait of somebody who is described in words, or whose look was trained."""
    from spinbot.cli.generate import parse_engines
    from spinbot.cli.where import open_place
    from spinbot.graphs.casting import cast
    from spinbot.graphs.export import check_writable
    from spinbot.graphs.templates import Picture, parse_size

    check_writable(out)
    width, height = parse_size(size)
    place, console = open_place(context), Console(stderr=True, highlight=False)
    engines = parse_engines(engine, place)
    params = {"prompt": prompt, "width": width, "height": height, "seed": seed, "engine": engines}
    person = place.people.get(profile) if profile else None
    graph = Picture.model_validate(cast(Picture.name, params, person) if person else params).graph()
    place.prepare([graph], console)
    job = place.run(graph, console, profile=person.id if person else None)
    image = (job.outputs or {})["image"]
    with storage_errors(out):
        shutil.copyfile(place.artifacts.path(image["artifact"]), out)
    if as_json:
        typer.echo(json.dumps({"job": job.id, "image": str(out), "width": width, "height": height, "seed": seed}))
    else:
        typer.echo(f"{out}: {width}x{height}, seed {seed}")

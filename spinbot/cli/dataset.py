"""`spinbot dataset`: whether what is given to learn from is fit for it, before any training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from spinbot.media.picture_set import Checkup

app = typer.Typer(no_args_is_help=True, help="Look through pictures of a person before a look is learned from them.")

EXAMPLE = """
Example:

  spinbot dataset pictures photos/

Captions are read from photo.txt or photo.caption beside photo.jpg, or from metadata.jsonl (file_name, text).
Exit code 2 says that nothing can be learned from them as they are.
"""
NOT_FIT = 2
LEVELS = {"note": "note", "left_out": "left out", "stop": "stop"}


@app.command("pictures", epilog=EXAMPLE)
def pictures_command(
    context: typer.Context,
    folder: Path = typer.Argument(help="The folder of the pictures."),
    side: int = typer.Option(512, min=64, max=2048, help="Pixels of the pictures that are to be learned."),
    as_json: bool = typer.Option(False, "--json", help="Print what was found as JSON."),
) -> None:
    """Find duplicates, blur, bad light, thumbnails, and pictures with no face or several, with a remedy for each."""
    from spinbot.cli.where import open_place
    from spinbot.errors import InputError
    from spinbot.graphs.nodes.dataset import unusable
    from spinbot.graphs.templates import PictureCheck
    from spinbot.media.images import read_portrait
    from spinbot.media.picture_folder import read_folder
    from spinbot.media.picture_set import Checkup, examine

    found = read_folder(folder)
    place, console = open_place(context), Console(stderr=True, highlight=False)
    given, findings = [], found.findings
    for file in found.pictures:
        try:
            read_portrait(file.path)
        except InputError as error:
            findings.append(unusable(file.path.name, error))
        else:
            artifact = place.artifacts.put_file(file.path)
            given.append({"artifact": artifact, "name": file.path.name, "caption": file.caption})
    if given:
        graph = PictureCheck(pictures=given, side=side).graph()
        place.prepare([graph], console)
        outputs = place.run(graph, console).outputs or {}
        checkup = Checkup.model_validate(outputs["checkup"]["checkup"])
    else:
        checkup = examine([])
    left_out = [finding.picture for finding in findings if finding.level == "left_out"]
    whole = {"findings": [*findings, *checkup.findings], "left_out": sorted({*checkup.left_out, *left_out})}
    checkup = checkup.model_copy(update=whole)
    typer.echo(json.dumps(checkup.model_dump(mode="json"))) if as_json else _show(checkup)
    raise typer.Exit(0 if checkup.go else NOT_FIT)


def _show(checkup: Checkup) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("picture", "", "what", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in checkup.findings:
        table.add_row(finding.picture or "all", LEVELS[finding.level], finding.message, finding.remedy)
    if checkup.findings:
        Console(highlight=False).print(table)
    verdict = "a look can be learned from them" if checkup.go else "nothing can be learned from them as they are"
    typer.echo(f"{len(checkup.used)} used, {len(checkup.left_out)} left out: {verdict}")

"""`spinbot trace`: where a job's time went."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from spinbot.cli.where import open_place
from spinbot.disk import whole_file

EXAMPLE = "Example: spinbot trace 3f2a9c41d7e0 -o trace.json"


def trace(
    context: typer.Context,
    job: str = typer.Argument(help="A job of `spinbot jobs`."),
    out: Path = typer.Option(Path("trace.json"), "-o", "--out", help="The trace to write."),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Write a job's time line for chrome://tracing or ui.perfetto.dev, and show the nodes its length comes from."""
    found = open_place(context).timing(job)
    with whole_file(out) as part:
        part.write_text(json.dumps(found.document) + "\n")
    if as_json:
        told = {"seconds": found.seconds, "covered": found.covered, "chain": found.chain}
        typer.echo(json.dumps({"trace": str(out)} | told))
        return
    table = Table(box=None)
    table.add_column("node", no_wrap=True)
    for column in ("waited", "loaded", "computed"):
        table.add_column(column, justify="right")
    for link in found.chain:
        table.add_row(link["node"], *(f"{link[part]:.2f} s" for part in ("waited", "loaded", "computed")))
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)
    typer.echo(f"{out}: {found.covered:.1%} of {found.seconds:.1f} s accounted for")

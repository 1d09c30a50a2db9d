"""`spinbot trace`: where a job's time went."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from spinbot.config import Settings
from spinbot.disk import whole_file
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore

EXAMPLE = "Example: spinbot trace 3f2a9c41d7e0 -o trace.json"


def trace(
    job: str = typer.Argument(help="A job of `spinbot jobs`."),
    out: Path = typer.Option(Path("trace.json"), "-o", "--out", help="The trace to write."),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Write a job's time line for chrome://tracing or ui.perfetto.dev, and show the nodes its length comes from."""
    from spinbot.graphs.trace import trace as trace_of

    store = JobStore(connect(Settings().database))
    found = trace_of(store.get(job), store.events(job))
    with whole_file(out) as part:
        part.write_text(json.dumps(found.document()) + "\n")
    wall, covered, chain = found.ended - found.begun, found.covered(), found.chain()
    if as_json:
        links = [asdict(link) for link in chain]
        typer.echo(json.dumps({"trace": str(out), "seconds": wall, "covered": covered, "chain": links}))
        return
    table = Table(box=None)
    table.add_column("node", no_wrap=True)
    for column in ("waited", "loaded", "computed"):
        table.add_column(column, justify="right")
    for link in chain:
        table.add_row(link.node, *(f"{seconds:.2f} s" for seconds in (link.waited, link.loaded, link.computed)))
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)
    typer.echo(f"{out}: {covered:.1%} of {wall:.1f} s accounted for")

"""`spinbot models`: the weights on this machine."""

from __future__ import annotations

import json
import sys

import typer
from rich.console import Console
from rich.table import Table

from spinbot.cli.display import pull_with_progress
from spinbot.cli.where import open_place, this_machine_only
from spinbot.config import Settings
from spinbot.errors import ModelError
from spinbot.models.catalogue import ModelEntry, load_catalogue
from spinbot.models.store import ModelStore

app = typer.Typer(no_args_is_help=True, help="List, fetch and verify the models that the engines use.")

NAMES = typer.Argument(None, help="Names of models; none: all that the starter preset needs.")


@app.command("list", epilog="Example: spinbot models list")
def list_command(context: typer.Context, as_json: bool = typer.Option(False, "--json", help="Print as JSON.")) -> None:
    """List the catalogue: what each model is for, its size, and whether it is installed."""
    rows = open_place(context).catalogue()
    if as_json:
        typer.echo(json.dumps([row.about for row in rows], indent=2))
        return
    table = Table(box=None)
    for column in ("model", "slot", "size", "installed", "title"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        installed = "yes" if row.installed else "optional" if row.optional else "no"
        table.add_row(row.name, row.slot, f"{row.bytes / 1e6:.0f} MB", installed, row.title)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


@app.command("pull", epilog="Example: spinbot models pull\n\nExample: spinbot models pull whisper-base")
def pull_command(context: typer.Context, names: list[str] | None = NAMES) -> None:
    """Fetch models and check their sha256; what is installed is not fetched again, what broke off is resumed."""
    this_machine_only(context)
    store = _store()
    wanted = names or load_catalogue().defaults
    missing = [name for name in wanted if not store.installed(name)]
    if missing:
        pull_with_progress(store, missing, Console(stderr=True, highlight=False))
    typer.echo(f"{len(wanted)} models installed ({len(missing)} fetched)")


@app.command("verify", epilog="Example: spinbot models verify")
def verify_command(context: typer.Context, names: list[str] | None = NAMES) -> None:
    """Hash every file of installed models again. Exit code 4 when one is damaged."""
    this_machine_only(context)
    store = _store()
    damaged = []
    for name in names or [entry.name for entry in _entries() if store.installed(entry.name)]:
        try:
            store.verify(name)
            typer.echo(f"{name}: intact")
        except ModelError as error:
            damaged.append(error)
            typer.echo(f"{name}: {error.message}")
    if damaged:
        raise damaged[0]


@app.command("licenses", epilog="Example: spinbot models licenses")
def licenses_command(context: typer.Context) -> None:
    """List the licence of each model and whether it may be used commercially."""
    this_machine_only(context)
    table = Table(box=None)
    for column in ("model", "licence", "commercial use"):
        table.add_column(column, no_wrap=True)
    for entry in _entries():
        table.add_row(entry.name, entry.licence, "yes" if entry.commercial else "no")
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _store() -> ModelStore:
    return ModelStore.of(Settings())


def _entries() -> list[ModelEntry]:
    return load_catalogue().models

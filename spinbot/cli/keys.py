"""`spinbot keys`: who may use the service, and for what."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from spinbot.config import Settings
from spinbot.store.database import connect
from spinbot.store.keys import SCOPES, Keys

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the API keys of the service.")

CREATE_EXAMPLE = """
Examples:

  spinbot keys create anna

  spinbot keys create "backup script" --owner anna --scope read
"""

SCOPE = typer.Option(["read", "write"], help=f"One of {', '.join(SCOPES)}; may be given several times.")
JSON = typer.Option(False, "--json", help="Print as JSON.")


@app.command("create", epilog=CREATE_EXAMPLE)
def create_command(
    name: str = typer.Argument(help="What it is for, to tell it from others."),
    owner: str | None = typer.Option(None, help="Whose jobs and files it opens; none: those of its own name."),
    scope: list[str] = SCOPE,
    as_json: bool = JSON,
) -> None:
    """Make a key and print it. It is stored as a hash only, so it cannot be shown again.

    `read` lists and downloads, `write` also submits and deletes, `admin` does everything, for every owner.
    """
    key, secret = _keys().create(name, owner=owner, scopes=scope)
    if as_json:
        typer.echo(json.dumps(asdict(key) | {"key": secret}))
        return
    typer.echo(secret)
    typer.echo(f"{key.id}: {', '.join(key.scopes)} for {key.owner}. Keep it: it is not shown again.", err=True)


@app.command("list", epilog="Example: spinbot keys list --json")
def list_command(as_json: bool = JSON) -> None:
    """List all keys, without their secrets."""
    keys = _keys().list()
    if as_json:
        typer.echo(json.dumps([asdict(key) for key in keys]))
        return
    table = Table(box=None)
    for column in ("key", "name", "owner", "scopes", "created", "last used", "revoked"):
        table.add_column(column, no_wrap=True)
    for key in keys:
        times = (_day(moment) for moment in (key.created, key.last_used, key.revoked))
        table.add_row(key.id, key.name, key.owner, " ".join(key.scopes), *times)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@app.command("revoke", epilog="Example: spinbot keys revoke 3f2a9c41d7e0")
def revoke_command(key: str = typer.Argument(help="A key of `spinbot keys list`."), as_json: bool = JSON) -> None:
    """Close a key for ever. What it has made stays, and so do other keys of the same owner."""
    revoked = _keys().revoke(key)
    typer.echo(json.dumps(asdict(revoked)) if as_json else f"{key}: revoked")


def _day(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _keys() -> Keys:
    return Keys(connect(Settings().database))

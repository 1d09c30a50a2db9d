"""`spinbot cache`: how much is stored and what for; removing what can be made again."""

from __future__ import annotations

import json
import re

import typer

from spinbot.config import Settings
from spinbot.errors import InputError
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from spinbot.store.open_artifacts import open_artifacts
from spinbot.store.prune import GRACE_S, Cache

app = typer.Typer(no_args_is_help=True, help="Show and shrink what is kept so that nothing is computed twice.")

PRUNE_EXAMPLE = """
Examples:

  spinbot cache prune --max-size 10GB

  spinbot cache prune --older-than 30d --dry-run
"""

_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@app.command("stats", epilog="Example: spinbot cache stats")
def stats_command(as_json: bool = typer.Option(False, "--json", help="Print as JSON.")) -> None:
    """Show how much is stored: for kept jobs, for later jobs, and for nothing."""
    usage = _cache().usage()
    if as_json:
        typer.echo(json.dumps(usage.to_dict()))
        return
    typer.echo(f"stored: {usage.artifacts} files, {size(usage.bytes)}; {usage.results} results of nodes")
    typer.echo(f"needed by jobs: {usage.needed} files, {size(usage.needed_bytes)}")
    typer.echo(f"cache, can be made again: {usage.cached} files, {size(usage.cached_bytes)}")
    typer.echo(f"named by nothing: {usage.unnamed} files, {size(usage.unnamed_bytes)}")


@app.command("prune", epilog=PRUNE_EXAMPLE)
def prune_command(
    max_size: str = typer.Option("", help="Remove the least recently used until this is left, as in 500MB or 10GB."),
    older_than: str = typer.Option("", help="Remove what was not used for so long, as in 12h or 30d."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be removed."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Remove intermediate results of jobs that succeeded, and files that nothing names.

    What jobs need stays: videos and inputs of those that succeeded, all that the others have made so far. Delete jobs
    to free more. Without a limit only files that nothing names are removed, such as those of a crash.
    """
    pruned = _cache().prune(
        max_bytes=parse_size(max_size) if max_size else None,
        older_than_s=parse_age(older_than) if older_than else None,
        dry_run=dry_run,
    )
    if as_json:
        typer.echo(json.dumps(pruned.to_dict() | {"dry_run": dry_run}))
        return
    done = "would remove" if dry_run else "removed"
    typer.echo(f"{done} {pruned.results} results, {pruned.artifacts} files, {size(pruned.bytes)}")
    if pruned.temporary:
        typer.echo(f"{done} {pruned.temporary} files that were left half written")
    left = f"left: {size(pruned.left_bytes)}"
    if pruned.young_bytes:
        left += f", of which {size(pruned.young_bytes)} may go {GRACE_S / 3600:g} h after it was put"
    typer.echo(left)


def parse_size(written: str) -> int:
    """`10GB` in bytes (1 GB is 10^9 bytes). Raises `InputError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt]?)b?", written.strip().lower())
    if found is None:
        raise InputError(f"{written!r} is not a size", hint="for example --max-size 10GB, 500MB or 0")
    return int(float(found[1]) * _BYTES[found[2]])


def parse_age(written: str) -> float:
    """`30d` in seconds. Raises `InputError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smhdw])", written.strip().lower())
    if found is None:
        raise InputError(f"{written!r} is not a length of time", hint="for example --older-than 30d, 12h or 2w")
    return float(found[1]) * _SECONDS[found[2]]


def size(count: int) -> str:
    """Bytes for people: `1.2 GB`."""
    value, unit = float(count), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _cache() -> Cache:
    settings = Settings()
    return Cache(JobStore(connect(settings.database)), open_artifacts(settings))

"""Which place the commands use: the service that is named, the one that runs for the same home, or this process."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import typer

from spinbot.config import Settings
from spinbot.disk import whole_file
from spinbot.errors import InputError

if TYPE_CHECKING:
    from spinbot.cli.place import Place

HERE = ("up", "cache", "keys", "reproduce", "verify", "doctor")
"""Commands that know no server."""


@dataclass(frozen=True)
class Where:
    """What the options say. `named`: the server stands on the command line."""

    server: str = ""
    local: bool = False
    named: bool = False


def choose(context: typer.Context, server: str, local: bool) -> None:
    """Keep the options for `open_place`. Raises `InputError` for two that exclude each other."""
    source = context.get_parameter_source("server")
    named = source is not None and source.name == "COMMANDLINE"
    if named and local:
        raise InputError("--server and --local exclude each other", hint="give one of them")
    if named and context.invoked_subcommand in HERE:
        raise _works_here(context.invoked_subcommand)
    context.obj = Where("" if local else server, local, named)


def open_place(context: typer.Context) -> Place:
    """Where the command's jobs are run. Raises `InputError`, `StorageError`."""
    where = _where(context)
    url = where.server or ("" if where.local else running_service(Settings()))
    if url:
        from spinbot.cli.remote import Remote

        remote = Remote(url)
        context.call_on_close(remote.close)
        return remote
    from spinbot.cli.studio import Studio

    return Studio()


def this_machine_only(context: typer.Context) -> None:
    """Raise `InputError` where the user names a server for a command that has none."""
    if _where(context).named:
        raise _works_here(context.command_path)


def running_service(settings: Settings) -> str:
    """The URL of the service that runs on this machine for the same home; empty where none does."""
    try:
        said = json.loads(_file(settings).read_text())
        process = psutil.Process(said["pid"])
        alive = said["machine"] == platform.node() and process.create_time() == said["started"]
        return str(said["url"]) if alive else ""
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):  # none was started, or it died and left the file
        return ""


@contextmanager
def announced(settings: Settings, url: str) -> Iterator[None]:
    """Let the commands of this home find the service of this process, as long as the block lasts."""
    path, me = _file(settings), psutil.Process()
    said = {"url": url, "pid": me.pid, "started": me.create_time(), "machine": platform.node()}
    with whole_file(path) as part:
        part.write_text(json.dumps(said) + "\n")
    try:
        yield
    finally:
        if running_service(settings) == url and os.getpid() == json.loads(path.read_text())["pid"]:
            path.unlink()


def _works_here(command: str) -> InputError:
    return InputError(f"{command} works on this machine", hint="leave out --server", code="no_server_here")


def _where(context: typer.Context) -> Where:
    found = context.find_root().obj
    return found if isinstance(found, Where) else Where()


def _file(settings: Settings) -> Path:
    return settings.root / "service.json"

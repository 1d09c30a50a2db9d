"""`spinbot doctor`: whether this machine can do the work, and what to do where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import typer

from spinbot.config import Settings, cores
from spinbot.errors import SpinbotError
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.store.database import connect

EXAMPLE = "Example: spinbot doctor"
NEEDED_DISK_GB = 2
NEEDED_MEMORY_GB = 4


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is empty where all is well."""

    name: str
    found: str
    remedy: str = ""


def doctor() -> None:
    """Look at Python, memory, disk, ffmpeg, database, models and GPU. Exit code 1 when something is wrong."""
    findings = list(examine(Settings()))
    for finding in findings:
        typer.echo(f"{'ok ' if not finding.remedy else 'BAD'} {finding.name}: {finding.found}")
        if finding.remedy:
            typer.echo(f"    remedy: {finding.remedy}")
    if any(finding.remedy for finding in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, one after another."""
    yield Finding("python", f"{sys.version.split()[0]}, ray {version('ray')}, torch {version('torch')}")
    yield Finding("cores", str(cores()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    remedy = f"the starter models need some {NEEDED_MEMORY_GB} GB" if memory < NEEDED_MEMORY_GB else ""
    yield Finding("memory", f"{memory:.1f} GB", remedy)
    yield from _home(settings.root)
    yield _attempt("database", lambda: str(connect(settings.database).url))
    yield _attempt("ffmpeg", _ffmpeg)
    yield from _models(settings)
    yield Finding("gpu", _gpus())


def _home(root: Path) -> Iterator[Finding]:
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        yield Finding("home", f"{root}: {error.strerror}", "set SPINBOT_HOME to a folder you may write to")
        return
    free = shutil.disk_usage(root).free / (1 << 30)
    remedy = "free some space, or set SPINBOT_HOME to a larger disk" if free < NEEDED_DISK_GB else ""
    yield Finding("home", f"{root}, {free:.1f} GB free", remedy)


def _models(settings: Settings) -> Iterator[Finding]:
    store = ModelStore.of(settings)
    for entry in load_catalogue().models:
        if not store.installed(entry.name):
            if not entry.optional:
                yield Finding(f"model {entry.name}", "not installed", f"spinbot models pull {entry.name}")
            continue
        yield _attempt(f"model {entry.name}", partial(_installed, store, entry.name))


def _installed(store: ModelStore, name: str) -> str:
    store.path(name)
    return "installed"


def _attempt(name: str, look: Callable[[], object]) -> Finding:
    try:
        return Finding(name, str(look()))
    except SpinbotError as error:
        return Finding(name, error.message, error.hint)


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    shown = subprocess.run([get_ffmpeg_exe(), "-version"], capture_output=True, text=True, check=True)
    return shown.stdout.splitlines()[0]


def _gpus() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none; everything runs on the CPU"
    names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return f"{names}; use it with SPINBOT_HOSTS__VISION__NUM_GPUS=1"

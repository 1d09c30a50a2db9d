"""Local disk: turns failures to write into `StorageError`, and asks for the space before it is needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinbot.errors import StorageError

_REMEDY = "free some space, or set SPINBOT_HOME to a folder on another disk"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Work on `path` inside; an `OSError` (full, read-only, not allowed) becomes a `StorageError`."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}", hint=_REMEDY, code="cannot_write"
        ) from error


def require_space(folder: Path, needed: int) -> None:
    """Raises `StorageError` unless the disk of `folder`, which need not exist yet, has `needed` bytes free."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise StorageError(
            f"the disk of {folder} is too full: {_megabytes(needed)} MB are needed, {free // 1_000_000} MB are free",
            hint=_REMEDY,
            code="disk_full",
        )


def _megabytes(count: int) -> int:
    return -(-count // 1_000_000)

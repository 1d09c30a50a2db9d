"""Local disk: what the operating system says of a full disk or a forbidden path, as a `StorageError`."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinbot.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Work on `path` inside; an `OSError` becomes a `StorageError` that names it."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(path) from error
        raise not_writable(path, error.strerror or str(error)) from error


def disk_full(path: Path) -> StorageError:
    """The error for `path` on a disk without room."""
    free = shutil.disk_usage(existing(path)).free // 1_000_000
    return StorageError(
        f"no space left to write {path} ({free} MB free)",
        hint="free some space, or choose another disk (SPINBOT_HOME moves models, artifacts and jobs)",
        code="disk_full",
    )


def not_writable(path: Path, cause: str) -> StorageError:
    """The error for `path` that may not be written."""
    return StorageError(
        f"cannot write {path}: {cause}", hint="choose a folder that you may write to", code="not_writable"
    )


def require_space(folder: Path, needed: int) -> None:
    """Raises `StorageError` unless the disk of `folder`, which need not exist yet, has `needed` bytes free."""
    free = shutil.disk_usage(existing(folder)).free
    if free < needed:
        raise StorageError(
            f"the disk of {folder} is too full: {-(-needed // 1_000_000)} MB needed, {free // 1_000_000} MB free",
            hint="free some space, or set SPINBOT_HOME to a folder on another disk",
            code="disk_full",
        )


def existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path

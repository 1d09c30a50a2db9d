"""Local disk: what the operating system says of a full disk or a forbidden path, as a `StorageError`."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
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
            raise disk_full(f"write {path}") from error
        raise not_writable(f"write {path}", error.strerror or str(error)) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when the block succeeds.

    When the block fails nothing is left behind, and an older file at `path` stays as it was. Raises
    `StorageError` before the block when the folder is missing or closed to writing, and for any disk error
    inside it.
    """
    with storage_errors(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    part = Path(name)
    try:
        part.chmod(0o644)  # mkstemp keeps others out
        yield part
        with storage_errors(path):
            os.replace(part, path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise disk_full(f"write {path}") from error
    finally:
        part.unlink(missing_ok=True)


def disk_full(what: str) -> StorageError:
    """The error for a disk without room to `what`."""
    hint = "free some space, or choose another disk (SPINBOT_HOME moves models, artifacts and jobs)"
    return StorageError(f"no space left to {what}", hint=hint, code="disk_full")


def not_writable(what: str, cause: str) -> StorageError:
    """The error for a path that does not allow to `what`."""
    return StorageError(f"cannot {what}: {cause}", hint="choose a folder that you may write to", code="not_writable")


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

"""Artifacts: immutable files named by the sha256 of their bytes.

A file appears under its name only when it is whole and on disk: it is written beside the store's other files
under a temporary name, synced, and renamed. Putting the same bytes twice stores them once. What a file means
(picture, sound, ...) is not known here; that stands in the values that name it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Protocol, TypeGuard

from pydantic import StringConstraints

from spinbot.disk import storage_errors
from spinbot.errors import NotFoundError

ArtifactId = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""`sha256:` and 64 hex digits."""

_ID = re.compile(r"^sha256:[0-9a-f]{64}$")
_CHUNK = 1 << 20
_TEMPORARY = (".incoming-*", ".upload-*")


class Artifacts(Protocol):
    """What a node needs of an artifact store, wherever the bytes are."""

    def put_bytes(self, data: bytes) -> str:
        """Store `data` and return its id. Raises `StorageError`."""
        ...

    def put_file(self, source: Path) -> str:
        """Store a copy of the file at `source` and return its id. Raises `StorageError`."""
        ...

    def path(self, artifact: str) -> Path:
        """Where the bytes can be read on this machine; never to be written to. Raises `NotFoundError`."""
        ...

    def __contains__(self, artifact: object) -> bool:
        """Whether the artifact can be had."""
        ...


class PrunableArtifacts(Artifacts, Protocol):
    """What is needed to find out what takes up room, and to free it (prune.py)."""

    def remove(self, artifact: str, *, older_than: float) -> int:
        """Delete an artifact that was last put before `older_than` (epoch seconds) and return the bytes freed."""
        ...

    def stored(self) -> Iterator[tuple[str, int, float]]:
        """Every artifact with its size in bytes and the time it was last put, in no order."""
        ...

    def clear_temporary(self, *, older_than: float, dry_run: bool) -> int:
        """Delete what was left half written before `older_than` (epoch seconds); returns how many files that is."""
        ...


class LocalArtifacts:
    """Artifacts in a local folder, spread over 256 subfolders by their first two digits."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put_bytes(self, data: bytes) -> str:
        """Store `data` and return its id. Raises `StorageError`."""
        with self._incoming() as (file, path):
            file.write(data)
            return self._land(file, path, hashlib.sha256(data).hexdigest())

    def put_file(self, source: Path) -> str:
        """Store a copy of the file at `source` and return its id. Raises `StorageError`."""
        digest = hashlib.sha256()
        with source.open("rb") as reader, self._incoming() as (file, path):
            while chunk := reader.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
            return self._land(file, path, digest.hexdigest())

    @contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A file to write to that becomes an artifact, under its id, when the block ends well."""
        with self._incoming() as (file, path):
            yield file
            file.flush()
            with path.open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
            self._land(file, path, digest)

    def path(self, artifact: str) -> Path:
        """Where the bytes can be read on this machine; never to be written to. Raises `NotFoundError`."""
        path = self._place(artifact)
        if not path.is_file():
            raise missing(artifact)
        return path

    def remove(self, artifact: str, *, older_than: float) -> int:
        """Delete an artifact that was last put before `older_than` (epoch seconds) and return the bytes freed."""
        place = self._place(artifact)
        with storage_errors(place):
            try:
                facts = place.stat()
            except FileNotFoundError:
                return 0
            if facts.st_mtime >= older_than:
                return 0
            place.unlink(missing_ok=True)
            return facts.st_size

    def stored(self) -> Iterator[tuple[str, int, float]]:
        """Every artifact with its size in bytes and the time it was last put, in no order."""
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            for entry in os.scandir(folder):
                facts = entry.stat()
                yield f"sha256:{folder.name}{entry.name}", facts.st_size, facts.st_mtime

    def clear_temporary(self, *, older_than: float, dry_run: bool) -> int:
        """Delete what was left half written before `older_than` (epoch seconds); returns how many files that is."""
        count = 0
        for path in (path for pattern in _TEMPORARY for path in self.root.glob(pattern)):
            try:
                if path.stat().st_mtime >= older_than:
                    continue
                if not dry_run:
                    path.unlink()
            except FileNotFoundError:  # its writer has just ended
                continue
            count += 1
        return count

    def __contains__(self, artifact: object) -> bool:
        return is_artifact_id(artifact) and self._place(artifact).is_file()

    def _place(self, artifact: str) -> Path:
        digest = artifact.removeprefix("sha256:")
        return self.root / digest[:2] / digest[2:]

    @contextmanager
    def _incoming(self) -> Iterator[tuple[BinaryIO, Path]]:
        with storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".incoming-", dir=self.root)
            try:
                with os.fdopen(handle, "wb") as file:
                    yield file, Path(name)
            finally:
                Path(name).unlink(missing_ok=True)

    def _land(self, file: BinaryIO, path: Path, digest: str) -> str:
        file.flush()
        os.fsync(file.fileno())
        place = self._place(f"sha256:{digest}")
        place.parent.mkdir(exist_ok=True)
        os.replace(path, place)
        return f"sha256:{digest}"


def missing(artifact: str) -> NotFoundError:
    """The error for an artifact that cannot be had."""
    return NotFoundError(
        f"artifact {artifact} is not in the store",
        hint="upload the file again, or run the job that made it once more",
        code="missing_artifact",
    )


def is_artifact_id(value: object) -> TypeGuard[str]:
    """Whether a value has the form of an artifact id."""
    return isinstance(value, str) and _ID.match(value) is not None


def artifact_ids(value: Any) -> Iterator[str]:
    """Every artifact id inside a JSON value, in order of appearance."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if item.startswith("sha256:") and _ID.match(item):
                yield item
        elif isinstance(item, dict):
            todo += reversed(item.values())
        elif isinstance(item, list):
            todo += reversed(item)

"""Artifacts across machines: the runner's folder is the truth, every other machine keeps a copy of what it used.

A host on another machine sends what it makes to the runner's machine before its call is answered, so a node that has
finished never depends on the machine that it ran on.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from spinbot.disk import storage_errors
from spinbot.errors import NotFoundError, StorageError
from spinbot.store.artifacts import LocalArtifacts

CHUNK = 8 << 20
"""Bytes a call carries: some 10 ms on a fast network, and no file needs to fit into memory."""


class DepotActor:
    """The runner's artifacts, for hosts on other machines. Each method may be called again."""

    def __init__(self, root: Path) -> None:
        self._artifacts = LocalArtifacts(root)
        self._root = root

    def size(self, artifact: str) -> int | None:
        """Bytes of an artifact; None where it is not here."""
        return self._artifacts.path(artifact).stat().st_size if artifact in self._artifacts else None

    def read(self, artifact: str, offset: int) -> bytes:
        """Up to `CHUNK` bytes from `offset`. Raises `NotFoundError`."""
        with self._artifacts.path(artifact).open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK)

    def write(self, upload: str, offset: int, data: bytes) -> None:
        """Add bytes to an upload. Raises `StorageError`."""
        path = self._upload(upload)
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(data)

    def commit(self, upload: str, artifact: str) -> None:
        """End an upload; its bytes must have the id that the sender says. Raises `StorageError`."""
        if artifact in self._artifacts:
            return
        path = self._upload(upload)
        try:
            arrived = self._artifacts.put_file(path)
        finally:
            path.unlink(missing_ok=True)
        if arrived != artifact:
            raise StorageError(f"{artifact} arrived as {arrived}", hint="check the network and the disk")

    def _upload(self, upload: str) -> Path:
        return self._root / f".upload-{uuid.UUID(upload).hex}"


@dataclass(frozen=True)
class Depot:
    """Where the depot is: its actor and the Ray node it runs on, whose hosts read the folder themselves."""

    actor: Any
    node: str


class DepotArtifacts:
    """`Artifacts` of a host on another machine than the runner's."""

    def __init__(self, local: LocalArtifacts, depot: Depot) -> None:
        self._local = local
        self._depot = depot.actor

    def put_bytes(self, data: bytes) -> str:
        """See `Artifacts.put_bytes`."""
        return self._send(self._local.put_bytes(data))

    def put_file(self, source: Path) -> str:
        """See `Artifacts.put_file`."""
        return self._send(self._local.put_file(source))

    def path(self, artifact: str) -> Path:
        """See `Artifacts.path`; brings the bytes here first where they are not."""
        if artifact not in self._local:
            self._fetch(artifact)
        return self._local.path(artifact)

    def __contains__(self, artifact: object) -> bool:
        return artifact in self._local or (
            isinstance(artifact, str) and ray.get(self._depot.size.remote(artifact)) is not None
        )

    def _send(self, artifact: str) -> str:
        if ray.get(self._depot.size.remote(artifact)) is not None:
            return artifact
        upload, offset = str(uuid.uuid4()), 0
        with self._local.path(artifact).open("rb") as file:
            while (data := file.read(CHUNK)) or not offset:
                ray.get(self._depot.write.remote(upload, offset, data))
                offset += len(data)
                if not data:
                    break
        ray.get(self._depot.commit.remote(upload, artifact))
        return artifact

    def _fetch(self, artifact: str) -> None:
        size = ray.get(self._depot.size.remote(artifact))
        if size is None:
            raise NotFoundError(
                f"artifact {artifact} is not in the store",
                hint="upload the file again, or run the job that made it once more",
                code="missing_artifact",
            )
        with self._local.incoming() as file:
            while file.tell() < size:
                file.write(ray.get(self._depot.read.remote(artifact, file.tell())))
        if artifact not in self._local:
            raise StorageError(f"{artifact} arrived damaged", hint="check the network and the disk")

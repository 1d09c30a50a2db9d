"""Copies of artifacts that are stored elsewhere, in a bucket or on the runner's machine: a folder that does not grow.

Reading one marks it as used. Once a twentieth of the folder's size has come in, the least recently used leave until it
is full to nine tenths; any can be fetched again. What was used within the last hour stays: a node may be reading it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import BinaryIO

from spinbot.disk import storage_errors
from spinbot.store.artifacts import LocalArtifacts

IN_USE_S = 3600.0
"""No node reads a file that it asked for longer ago than this."""
_LOOK_EVERY = 0.05
_FULL_TO = 0.9


class Copies(LocalArtifacts):
    """Copies in `root`, of `max_bytes` together as far as they are not in use."""

    def __init__(self, root: Path, max_bytes: int, *, in_use_s: float = IN_USE_S) -> None:
        super().__init__(root)
        self._max_bytes = max_bytes
        self._in_use_s = in_use_s
        self._came = max_bytes  # look at the first one: others of this machine may have filled the folder

    def path(self, artifact: str) -> Path:
        """See `LocalArtifacts.path`; the file counts as used now."""
        path = super().path(artifact)
        with storage_errors(path):
            os.utime(path)
        return path

    def _land(self, file: BinaryIO, path: Path, digest: str) -> str:
        self._came += file.tell()
        artifact = super()._land(file, path, digest)
        if self._came >= self._max_bytes * _LOOK_EVERY:
            self._came = 0
            self._trim()
        return artifact

    def _trim(self) -> None:
        stored = sorted((used, size, artifact) for artifact, size, used in self.stored())
        left = sum(size for _, size, _ in stored)
        if left <= self._max_bytes:
            return
        before = time.time() - self._in_use_s
        for _, size, artifact in stored:
            if left <= self._max_bytes * _FULL_TO:
                return
            if self.remove(artifact, older_than=before):  # asks again: another process may just have used it
                left -= size

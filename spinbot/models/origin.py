"""Bytes that can be had in pieces: of a URL, or of a local file. Copying a piece goes on where it was stopped."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

import requests

from spinbot.disk import storage_errors
from spinbot.errors import CancelledError
from spinbot.models.network import CHUNK, BrokenConnectionError, Client, SourceError, chunks

ATTEMPTS = 3
"""How often in a row a transfer may stop without having moved a byte."""


@dataclass(frozen=True)
class Job:
    """What a copy needs to know of the pull it is part of."""

    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the user stops the pull: copies then raise `CancelledError`."""
    moved: Callable[[], None] = lambda: None
    """Called after every chunk."""

    def check(self) -> None:
        """Raises `CancelledError` once the pull is to stop."""
        if self.stop.is_set():
            raise CancelledError("the download was stopped", hint="run the command again to go on where it stopped")


class Origin(Protocol):
    """Where bytes come from."""

    def tail(self, count: int) -> tuple[bytes, int]:
        """The last `count` bytes, or all where there are fewer, and the whole size. Raises `SourceError`."""

    def copy(self, start: int, length: int, part: Path, job: Job) -> None:
        """Make the file `part` hold the bytes from `start` to `start + length`.

        Bytes that `part` holds already are taken as the first of them and not asked for again; whether they
        are right only a hash can tell. Raises `SourceError`, `StorageError`, `CancelledError`.
        """


class NoRangesError(SourceError):
    """The server sends a file only as a whole; `size` says how large it is."""

    def __init__(self, size: int) -> None:
        super().__init__("the server does not serve parts of a file")
        self.size = size


@dataclass(frozen=True)
class Remote:
    """The bytes behind a URL."""

    client: Client
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def tail(self, count: int) -> tuple[bytes, int]:
        """As `Origin.tail`; raises `NoRangesError` where the server ignores ranges."""
        for attempt in range(ATTEMPTS):
            try:
                with self.client.get(self.url, span=f"bytes=-{count}", headers=self.headers) as response:
                    if response.status_code != 206:
                        raise NoRangesError(_length(response))
                    return b"".join(chunks(response)), _whole_size(response)
            except BrokenConnectionError:
                if attempt + 1 == ATTEMPTS:
                    raise
        raise AssertionError("the loop returns or raises")

    def copy(self, start: int, length: int, part: Path, job: Job) -> None:
        """As `Origin.copy`. A transfer that breaks is taken up again, `ATTEMPTS` times where nothing comes."""
        failures = 0
        while (have := size_of(part)) != length:
            if have > length:  # left by another version of this file
                with storage_errors(part):
                    part.unlink()
                continue
            try:
                self._more(start, length, part, job)
            except BrokenConnectionError:
                failures = 0 if size_of(part) > have else failures + 1
                if failures == ATTEMPTS:
                    raise
                job.stop.wait(failures)

    def _more(self, start: int, length: int, part: Path, job: Job) -> None:
        """One request for what `part` lacks."""
        have = size_of(part)
        span = f"bytes={start + have}-{start + length - 1}"
        with self.client.get(self.url, span=span, headers=self.headers) as response, _appending(part) as write:
            if response.status_code == 200 and start:
                raise NoRangesError(_length(response))
            if response.status_code == 200 and response.headers.get("Content-Length", str(length)) != str(length):
                raise SourceError(f"the server sends {_length(response)} bytes, {length} are expected")
            if response.status_code == 200 and have:  # everything comes once more
                with storage_errors(part):
                    os.truncate(part, 0)
                have = 0
            for chunk in chunks(response):
                job.check()
                piece = chunk[: length - have]
                write(piece)
                have += len(piece)
                job.moved()
                if have == length:
                    return
        raise BrokenConnectionError(f"only {have} of {length} bytes came")


@dataclass(frozen=True)
class Local:
    """The bytes of a file that is already here."""

    path: Path

    def tail(self, count: int) -> tuple[bytes, int]:
        """As `Origin.tail`."""
        with self._reading() as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - count))
            return file.read(), size

    def copy(self, start: int, length: int, part: Path, job: Job) -> None:
        """As `Origin.copy`."""
        have = size_of(part)
        with self._reading() as file, _appending(part) as write:
            file.seek(start + have)
            while have < length:
                job.check()
                chunk = file.read(min(CHUNK, length - have))
                if not chunk:
                    raise SourceError(f"{self.path} is shorter than {start + length} bytes")
                write(chunk)
                have += len(chunk)
                job.moved()

    @contextmanager
    def _reading(self) -> Iterator[BinaryIO]:
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise SourceError(f"cannot read {self.path}: {error.strerror or error}") from error


def size_of(part: Path) -> int:
    """Bytes that `part` holds; 0 where there is none."""
    return part.stat().st_size if part.exists() else 0


@contextmanager
def _appending(part: Path) -> Iterator[Callable[[bytes], None]]:
    """A function that appends to `part` and raises `StorageError`.

    Unbuffered: what was written counts after a crash of this process, and no late flush can fail.
    """
    with storage_errors(part):
        file = part.open("ab", buffering=0)

    def write(data: bytes) -> None:
        rest = memoryview(data)
        with storage_errors(part):
            while rest:
                rest = rest[file.write(rest) :]

    with file:
        yield write


def _whole_size(response: requests.Response) -> int:
    """Size of the file that an answer of status 206 is a part of. Raises `SourceError`."""
    size = response.headers.get("Content-Range", "").rpartition("/")[2]
    if not size.isdigit():
        raise SourceError("the server does not tell how large the file is")
    return int(size)


def _length(response: requests.Response) -> int:
    """Size of the whole file. Raises `SourceError` where the server does not tell."""
    if "Content-Length" not in response.headers:
        raise SourceError("the server tells neither ranges nor a size")
    return int(response.headers["Content-Length"])

"""Files to the service and from it: streamed, with progress; a download goes on where it broke off and lands whole."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO

import httpx

from spinbot.client.content import artifact_ask
from spinbot.client.models import Upload
from spinbot.client.problems import unreachable
from spinbot.client.session import Pauses, Session
from spinbot.client.wire import Ask
from spinbot.errors import InputError, SpinbotError, StorageError

OnProgress = Callable[[int, int], None]
"""`on_progress(done, total)`, in bytes."""

NO_SUCH_PART = ("bad_range", "http_416")
UPLOAD_READ_S = 120.0
"""The service looks through the whole file before it answers."""


async def upload(session: Session, source: Path | bytes, name: str, on_progress: OnProgress | None) -> Upload:
    """Send a file. Raises `InputError` for one that cannot be read, and whatever the service says."""
    try:
        file: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        raise InputError(
            f"cannot read {source!s}: {error.strerror}", hint="give the path of a file", code="no_file"
        ) from error
    with file:
        sent = _Counted(file, on_progress)
        ask = Ask("POST", "/v1/uploads", files={"file": (name, sent)}, read_s=UPLOAD_READ_S)
        return Upload.model_validate_json(await session.call(ask))


class _Counted(io.RawIOBase):
    """A file that tells how much of it was read; httpx reads it in parts and rewinds it for another attempt."""

    def __init__(self, file: BinaryIO, on_progress: OnProgress | None) -> None:
        self._file = file
        self._tell = on_progress
        self._total = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if self._tell and data:
            self._tell(self._file.tell(), self._total)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


async def download(session: Session, artifact: str, target: Path, on_progress: OnProgress | None) -> Path:
    """Write an artifact to `target`, where it appears whole or not at all; answers `target`.

    What came stays beside it in a `.part` file when all attempts fail, and the next call goes on from there. Raises
    `StorageError`, and whatever the service says.
    """
    digest = artifact.removeprefix("sha256:")
    part = target.with_name(f".{target.name}.{digest[:12]}.part")
    pauses = session.pauses()
    with _storage_errors(target):
        with part.open("ab+") as file:
            try:
                while _sha256(file) != digest:
                    began = file.tell()
                    lost = await _fetch_rest(session, artifact, file, pauses, on_progress)
                    if file.tell() > began:
                        pauses.reset()
                    if lost is None:
                        if _sha256(file) == digest:
                            break
                        file.truncate(0)
                        lost = httpx.RemoteProtocolError(f"{artifact} came damaged")
                    if not await pauses.pause():
                        raise unreachable(session.wire.url, lost) from lost
            except SpinbotError:
                if not file.tell():
                    part.unlink()
                raise
        os.replace(part, target)
    return target


async def _fetch_rest(
    session: Session, artifact: str, file: BufferedRandom, pauses: Pauses, on_progress: OnProgress | None
) -> httpx.TransportError | None:
    """Append what is missing; why it broke off, or None at the end of the artifact."""
    have = file.tell()
    ask = artifact_ask(artifact, part=f"bytes={have}-" if have else None)
    try:
        reply = await session.open(ask, pauses)
    except SpinbotError as error:
        if error.code not in NO_SUCH_PART:
            raise
        return None  # there is no more, and the sum says whether that is right
    try:
        if reply.status != 206:  # all of it, whatever was asked for
            file.truncate(0)
        total = file.tell() + int(reply.headers.get("content-length", 0))
        async for chunk in reply.chunks():
            file.write(chunk)
            if on_progress:
                on_progress(file.tell(), total)
    except httpx.TransportError as error:
        return error
    finally:
        await reply.close()
    return None


def _sha256(file: BufferedRandom) -> str:
    """Of all that is in a file, which is left at its end."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}",
            hint="choose a folder that exists, that you may write to, on a disk with room",
            code="not_writable",
        ) from error

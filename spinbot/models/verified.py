"""Whether the files of a model's folder are the catalogue's, hashing no more than is needed.

`.verified.json` in the folder remembers sha256, size and modification time of each file when it was last hashed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from spinbot.models.catalogue import FileEntry

State = Literal["ok", "missing", "damaged"]
_Record = dict[str, tuple[str, int, int]]
_RECORD = TypeAdapter(_Record)
_NAME = ".verified.json"


def check_files(folder: Path, files: Iterable[FileEntry], *, afresh: bool = False) -> dict[str, State]:
    """The state of each file by path.

    Costs one `stat` a file; a file is hashed only where size or time are not those of the last hashing, or with
    `afresh`. The record is renewed by a rename, so any number of processes may check at once.
    """
    before = _read(folder)
    record: _Record = {}
    states: dict[str, State] = {}
    for file in files:
        path = folder / file.path
        if not path.is_file():
            states[file.path] = "missing"
            continue
        stat = path.stat()
        seen = (file.sha256, stat.st_size, stat.st_mtime_ns)
        known = not afresh and before.get(file.path) == seen
        if known or (stat.st_size == file.bytes and _sha256(path) == file.sha256):
            states[file.path] = "ok"
            record[file.path] = seen
        else:
            states[file.path] = "damaged"
    if record != before:
        _write(folder, record)
    return states


def _read(folder: Path) -> _Record:
    """The record; empty where there is none that can be read, and everything is hashed then."""
    with contextlib.suppress(OSError, ValidationError):
        return _RECORD.validate_json((folder / _NAME).read_bytes())
    return {}


def _write(folder: Path, record: _Record) -> None:
    # A shared folder may be read-only for this user: every check then hashes, which is slow and right.
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=folder, prefix=_NAME)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.chmod(name, 0o644)
        os.replace(name, folder / _NAME)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A model that lies in a folder of the user's: which bytes it has, without reading all of them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from spinbot.disk import storage_errors
from spinbot.errors import ModelError

INDEX = "model_index.json"
"""What makes a folder one of diffusers' layout."""
PIECE = 64 << 10
"""Bytes at the beginning, the middle and the end of a file: two finetunes of one model differ in each."""


def check_folder(folder: Path) -> Path:
    """The folder, if a diffusers pipeline lies in it. Raises `ModelError` (`model_missing`)."""
    if not (folder / INDEX).is_file():
        raise ModelError(
            f"there is no {INDEX} in {folder}",
            hint="SPINBOT_IMAGE_MODEL names a model in diffusers' layout: hf download NAME --local-dir DIR",
            code="model_missing",
        )
    return folder


@cache
def folder_digest(folder: Path) -> str:
    """Identifies a model: 64 hex digits over the names and sizes of its files and three pieces of each.

    Read once in a process: every node that uses the model asks for it. Raises `ModelError` where there is none.
    """
    found = hashlib.sha256()
    for file in _files(check_folder(folder)):
        with storage_errors(file), file.open("rb") as opened:
            size = file.stat().st_size
            found.update(f"{file.relative_to(folder).as_posix()} {size}\n".encode())
            for start in (0, size // 2, max(0, size - PIECE)):
                opened.seek(start)
                found.update(opened.read(PIECE))
    return found.hexdigest()


def folder_bytes(folder: Path) -> int:
    """Size of all its files; 0 where there is no folder."""
    return sum(file.stat().st_size for file in _files(folder))


def _files(folder: Path) -> list[Path]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts))

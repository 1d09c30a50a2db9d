"""Models that lie in folders of the user's: which there may be, and which bytes they have, without reading all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from spinbot.config import Settings
from spinbot.disk import storage_errors
from spinbot.errors import ModelError


@dataclass(frozen=True)
class Place:
    """Where the user may say that a model lies."""

    setting: str
    """The field of `Settings` that names the folder."""
    starter: bool
    """Whether the catalogue has one that is used where the user names none."""
    index: str
    """The file that makes a folder one of the right layout."""
    remedy: str


IMAGE_MODEL, CAPTION_MODEL = "starter-portraits", "caption-model"
PLACES = {
    IMAGE_MODEL: Place(
        "image_model",
        True,
        "model_index.json",
        "SPINBOT_IMAGE_MODEL names a model in diffusers' layout: hf download NAME --local-dir DIR",
    ),
    CAPTION_MODEL: Place(
        "caption_model",
        False,
        "config.json",
        "SPINBOT_CAPTION_MODEL names an image-to-text model that transformers loads: "
        "hf download Salesforce/blip-image-captioning-base --local-dir DIR",
    ),
}
"""By the name that engines ask for it with."""
PIECE = 64 << 10
"""Bytes at the beginning, the middle and the end of a file: two finetunes of one model differ in each."""


def folders(settings: Settings) -> dict[str, Path]:
    """The folders that the settings name, by model."""
    named = {name: getattr(settings, place.setting) for name, place in PLACES.items()}
    return {name: folder.expanduser().resolve() for name, folder in named.items() if folder}


def not_set_up(name: str, settings: Settings) -> str:
    """What to do about a model that only the user can name, and has not; empty where there is nothing to do."""
    place = PLACES.get(name)
    return "" if place is None or place.starter or getattr(settings, place.setting) else place.remedy


def check_folder(name: str, folder: Path) -> Path:
    """The folder, if it may be the model of that name. Raises `ModelError` (`model_missing`)."""
    place = PLACES[name]
    if not (folder / place.index).is_file():
        raise ModelError(f"there is no {place.index} in {folder}", hint=place.remedy, code="model_missing")
    return folder


@cache
def folder_digest(folder: Path) -> str:
    """Identifies a model: 64 hex digits over the names and sizes of its files and three pieces of each.

    Read once in a process: every node that uses the model asks for it.
    """
    found = hashlib.sha256()
    for file in _files(folder):
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

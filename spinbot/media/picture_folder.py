"""A folder of pictures with captions, as trainers of LoRAs have it.

`a.jpg` stands beside `a.txt` or `a.caption`, or in a `metadata.jsonl` with `file_name` and `text`, as in Hugging Face's
image folders.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spinbot.disk import storage_errors
from spinbot.errors import InputError
from spinbot.media.checkup import Finding

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif"})
CAPTIONS = (".txt", ".caption")
METADATA = "metadata.jsonl"
MOST = 1000
"""Pictures in one folder."""
REMEDIES = {
    "caption_without_picture": "rename or remove it",
    "caption_unreadable": "save it as UTF-8",
    "caption_not_written": "remove it, or give pictures names that differ before the dot",
}


@dataclass(frozen=True)
class PictureFile:
    """A file that claims to be a picture."""

    path: Path
    caption: str


@dataclass
class PictureFolder:
    """What lies in a folder. `findings` are about captions that belong to nothing or cannot be read."""

    pictures: list[PictureFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_folder(folder: Path) -> PictureFolder:
    """Look through a folder, not through those in it. Raises `InputError` where there are no pictures or too many."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", hint="give the folder of the pictures", code="no_folder")
    found = PictureFolder()
    with storage_errors(folder):
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        named = {path.name: path for path in files if path.suffix.lower() in SUFFIXES}
        captions = dict(_metadata(folder / METADATA, found))
        for path in files:
            if path.suffix in CAPTIONS:
                captions |= _beside(path, named, found)
    if not named:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise InputError(f"there are no pictures in {folder}", hint=f"kinds: {kinds}", code="no_pictures")
    if len(named) > MOST:
        raise InputError(
            f"there are {len(named):,} pictures in {folder}; {MOST:,} are the most",
            hint="choose the 30 to 50 best",
            code="too_many_pictures",
        )
    for name in captions.keys() - named.keys():
        found.findings.append(_note("caption_without_picture", name, "has a caption and is not there"))
    found.pictures = [PictureFile(path, captions.get(name, "")) for name, path in named.items()]
    return found


def write_captions(folder: Path, captions: Mapping[str, str]) -> list[Finding]:
    """Write each caption, by the name of its picture, to a .txt beside it; no file with words in it is changed.

    Answers notes on those that were not written. Raises `StorageError`.
    """
    findings = []
    written: set[Path] = set()
    for name, text in captions.items():
        path = (folder / name).with_suffix(CAPTIONS[0])
        with storage_errors(path):
            if path in written or (path.exists() and path.read_bytes().strip()):
                findings.append(_note("caption_not_written", path.name, "is there already, and was left as it is"))
                continue
            path.write_text(f"{text}\n", "utf-8")
        written.add(path)
    return findings


def _beside(path: Path, named: dict[str, Path], found: PictureFolder) -> dict[str, str]:
    pictures = [name for name, picture in named.items() if picture.stem == path.stem]
    if not pictures:
        found.findings.append(_note("caption_without_picture", path.name, "there is no picture of that name"))
        return {}
    try:
        text = path.read_text("utf-8").strip()
    except UnicodeDecodeError:
        found.findings.append(_note("caption_unreadable", path.name, "is no text in UTF-8"))
        return {}
    return dict.fromkeys(pictures, text)


def _metadata(path: Path, found: PictureFolder) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        return
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            yield str(entry["file_name"]), str(entry.get("text", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            found.findings.append(_note("caption_unreadable", METADATA, f"line {number} has no file_name and text"))


def _note(code: str, name: str, message: str) -> Finding:
    remedy = REMEDIES[code]
    return Finding(level="note", code=code, name=name, message=message, remedy=remedy)

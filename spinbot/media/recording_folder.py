"""Recordings with what is said in them, as data sets for voices have it.

A sound file alone; a folder of sound files, each with a `.txt` beside it where there is one; LJSpeech (Ito 2017:
`metadata.csv` with `id|text|normalised text`, the files in `wavs/`); F5-TTS (`metadata.csv` with a head
`audio_file|text`); GPT-SoVITS (`*.list` with `path|speaker|language|text`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from spinbot.disk import storage_errors
from spinbot.errors import InputError
from spinbot.media.audio import read_audio
from spinbot.media.checkup import Finding

SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac", ".mp4", ".mov", ".webm", ".g722"})
MOST = 5000
"""Files of one data set."""


@dataclass(frozen=True)
class Recording:
    """A sound file and its words, empty where nobody wrote them down."""

    path: Path
    text: str = ""


@dataclass
class RecordingFolder:
    """What was found. `findings` are about entries without a file and transcripts that cannot be read."""

    recordings: list[Recording] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_recordings(place: Path) -> RecordingFolder:
    """Look at a sound file or a data set. Raises `InputError` where there is no sound, or too much."""
    if place.is_file():
        return RecordingFolder([Recording(place)])
    if not place.is_dir():
        raise InputError(f"there is no {place}", hint="give a sound file, or the folder of a data set", code="no_file")
    found = RecordingFolder()
    with storage_errors(place):
        lists = [*place.glob("*.list"), *place.glob("metadata.csv")]
        if lists:
            for path in lists:
                _read_list(path, place, found)
        else:
            _read_folder(place, found)
    if not found.recordings:
        raise InputError(
            f"there are no recordings in {place}", hint="give WAV, FLAC, MP3, M4A or OGG files", code="no_recordings"
        )
    if len(found.recordings) > MOST:
        raise InputError(
            f"{len(found.recordings):,} recordings; {MOST:,} are the most",
            hint="half an hour of speech is plenty: give a part of them",
            code="too_many_recordings",
        )
    return found


def begin(path: Path) -> None:
    """Read the first second of a recording: whether it is one is known, and hours are not decoded twice.

    Raises `InputError`.
    """
    read_audio(path, 1.0)


def _read_folder(place: Path, found: RecordingFolder) -> None:
    for path in sorted(place.iterdir()):
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            beside = path.with_suffix(".txt")
            found.recordings.append(Recording(path, _text(beside, found).strip() if beside.is_file() else ""))


def _read_list(path: Path, place: Path, found: RecordingFolder) -> None:
    for line in _text(path, found).splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) < 2 or parts[0].lower() in ("audio_file", "file_name", "path"):
            continue
        # LJSpeech has the numbers written out in its third column, GPT-SoVITS the text in its fourth.
        text = parts[3] if path.suffix == ".list" and len(parts) > 3 else parts[-1] or parts[1]
        sound = _sound(parts[0], place)
        if sound is None:
            message = f"is named in {path.name} and is not there"
            found.findings.append(_note("recording_missing", parts[0][:200], message, "add the file or drop the line"))
        else:
            found.recordings.append(Recording(sound, text))


def _sound(name: str, place: Path) -> Path | None:
    """The file of an entry: as it is written, beside the list, or in `wavs/`; never outside the data set."""
    for folder in (place, place / "wavs"):
        for candidate in (folder / name, folder / f"{name}.wav", folder / Path(name).name):
            if candidate.is_file() and candidate.resolve().is_relative_to(place.resolve()):
                return candidate
    return None


def _text(path: Path, found: RecordingFolder) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        found.findings.append(_note("transcript_unreadable", path.name, "is no text in UTF-8", "save it as UTF-8"))
        return ""


def _note(code: str, name: str, message: str, remedy: str) -> Finding:
    return Finding(level="note", code=code, name=name, message=message, remedy=remedy)

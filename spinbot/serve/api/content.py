"""What a file is, by its content; a name or a claim of the client plays no part."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from spinbot.errors import InputError
from spinbot.media.images import read_portrait
from spinbot.media.probe import probe

UNKNOWN = "application/octet-stream"
HEAD = 512
"""Bytes that tell the kind."""

_SIGNATURES = (  # offset, bytes, media type; the first that fits counts
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"WEBVTT", "text/vtt"),
)


@dataclass(frozen=True)
class Inspected:
    """A file that can be used."""

    kind: Literal["image", "audio", "video"]
    mime: str
    facts: dict[str, float]
    """Width and height in pixels, length in seconds, where it has them."""
    notes: list[str] = field(default_factory=list)
    """What a node will change about it, one line each."""


def media_type(path: Path) -> str:
    """What to call a stored file. Never a type that a browser would run: not HTML, not SVG."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    for offset, signature, mime in _SIGNATURES:
        if head[offset:].startswith(signature):
            return mime
    try:
        text = head.decode() if len(head) < HEAD else head[:-4].decode(errors="strict")
    except UnicodeDecodeError:
        return UNKNOWN
    if text.lstrip()[:1] in ("{", "["):
        return "application/json"
    if " --> " in text[:100]:
        return "application/x-subrip"
    return "text/plain; charset=utf-8" if text.isprintable() or text.split() else UNKNOWN


def inspect(path: Path) -> Inspected:
    """Read an upload as far as it takes to know that it is whole. Raises `InputError` saying why it cannot be used."""
    mime = media_type(path)
    if mime.startswith("image/"):
        picture = read_portrait(path)
        height, width = picture.pixels.shape[:2]
        return Inspected("image", mime, {"width": width, "height": height}, picture.notes)
    try:
        found = probe(path)
    except InputError as error:
        raise InputError(
            "this is neither a picture nor a sound nor a video that can be read",
            hint="give JPEG, PNG, WebP, WAV, FLAC, MP3, M4A, OGG, MP4, MOV or WebM; the content counts, not the name",
            code="unsupported_file",
        ) from error
    seconds = max(found.video_seconds, found.audio_seconds)
    if found.frames > 1:
        mime = mime if mime.startswith("video/") else UNKNOWN
        return Inspected("video", mime, {"width": found.width, "height": found.height, "seconds": round(seconds, 3)})
    if not found.audio_seconds:
        raise InputError("the file holds no sound", hint="give a recording", code="unsupported_file")
    mime = {"video/mp4": "audio/mp4", "video/webm": "audio/webm"}.get(mime, mime)
    return Inspected("audio", mime, {"seconds": round(seconds, 3)})

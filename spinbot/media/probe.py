"""What a media file holds: sizes, codecs and exact durations, without ffprobe."""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from spinbot.errors import InputError
from spinbot.media import ffmpeg

MEDIA_HINT = "give a video such as MP4, MOV, WebM or MKV"


@dataclass(frozen=True)
class VideoInfo:
    """What a media file holds; sizes in pixels, durations in seconds. Zero and "" where a stream is missing."""

    width: int
    height: int
    fps: float
    frames: int
    video_seconds: float
    audio_seconds: float
    audio_rate: int
    video_codec: str
    audio_codec: str
    faststart: bool
    """The index stands before the data (MP4), so that a browser plays while it still loads."""


def probe(path: Path) -> VideoInfo:
    """What `path` holds. Durations are exact: packets of the picture are counted, the sound is decoded.

    Raises `InputError` for a file that is neither picture nor sound.
    """
    present(path)
    # The sound twice: decoded for its exact length, and as it is for the name of its codec.
    listed = ["-map", "0:v:0?", "-map", "0:a:0?", "-map", "0:a:0?", "-c", "copy", "-c:a:0", "pcm_s16le"]
    output = ffmpeg.run(
        ["-v", "error", *ffmpeg.SAFE_INPUT, "-i", str(path), *listed, "-f", "framecrc", "pipe:1"],
        what=f"read {path.name}",
        error=InputError,
        hint=MEDIA_HINT,
    )
    streams: defaultdict[int, _Stream] = defaultdict(_Stream)
    for line in output.data.decode().splitlines():
        if head := re.match(r"#(\w+) (\d+): (.+)", line):
            key, index, value = head.groups()
            streams[int(index)].facts[key] = value
        elif not line.startswith("#"):  # stream, dts, pts, duration, size, checksum
            number, _, start, duration = (int(field) for field in line.split(",")[:4])
            streams[number].add(start, duration)
    pictures = [stream for _, stream in sorted(streams.items()) if stream.facts["media_type"] == "video"]
    sounds = [stream for _, stream in sorted(streams.items()) if stream.facts["media_type"] == "audio"]
    video, (audio, coded) = (pictures or [_Stream()])[0], sounds or [_Stream(), _Stream()]
    width, height = map(int, video.facts.get("dimensions", "0x0").split("x"))
    return VideoInfo(
        width=width,
        height=height,
        fps=float(video.packets / video.seconds) if video.seconds else 0.0,
        frames=video.packets,
        video_seconds=float(video.seconds),
        audio_seconds=float(audio.seconds),
        audio_rate=int(audio.facts.get("sample_rate", 0)),
        video_codec=video.facts.get("codec_id", ""),
        audio_codec=coded.facts.get("codec_id", ""),
        faststart=_faststart(path),
    )


class _Stream:
    """The packets of one stream, added up."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.packets = 0
        self._first, self._last, self._end = 0, 0, 0

    def add(self, start: int, duration: int) -> None:
        self._first = min(self._first, start) if self.packets else start
        if not self.packets or start > self._last:
            self._last, self._end = start, start + duration
        self.packets += 1

    @property
    def seconds(self) -> Fraction:
        return (self._end - self._first) * Fraction(self.facts.get("tb", "1"))


def _faststart(path: Path) -> bool:
    """Whether `moov` stands before `mdat` among the top-level boxes (ISO/IEC 14496-12, 4.2)."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind in (b"moov", b"mdat"):
                return bool(kind == b"moov")
            if size == 1:
                size = struct.unpack(">Q", file.read(8))[0] - 8
            if size < 8:
                return False
            file.seek(size - 8, 1)
    return False


def present(path: Path) -> None:
    """Raises `InputError` when there is no such file."""
    if not path.is_file():
        raise InputError(f"there is no file {path}", hint="check the path", code="no_file")

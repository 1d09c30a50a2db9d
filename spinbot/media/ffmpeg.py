"""Runs ffmpeg (the static build of the package `imageio-ffmpeg`) and turns what it says into spinbot's errors."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg

from spinbot.config import cores
from spinbot.disk import disk_full, not_writable
from spinbot.errors import SpinbotError

Progress = Callable[[float, str], None]
"""`progress(fraction, message)`, fraction in 0..1; raises `CancelledError` when the work is to stop."""

THREADS = min(4, cores())  # x264 gains little beyond 4 threads at 1080p

SAFE_INPUT = [
    "-protocol_whitelist",
    "file,pipe",
    "-format_whitelist",
    "aac,aiff,amr,asf,au,avi,caf,flac,g722,gif,jpeg_pipe,matroska,mov,mp3,mpeg,mpegts,ogg,png_pipe,w64,wav,webp_pipe",
]
"""Options before `-i` for a file that a user gave: containers only, so no playlist (HLS, concat) can name another
file or address for ffmpeg to open."""

_POLL = 0.1  # seconds between two looks at `progress`, so that cancelling feels immediate
_NOISE = re.compile(r"^(frame|fps|stream_\S+|bitrate|total_size|out_time\S*|dup_frames|drop_frames|speed|progress)=")


class Output(NamedTuple):
    """What a finished ffmpeg wrote to its standard output and to its log."""

    data: bytes
    log: str


@cache
def binary() -> str:
    """Path of the ffmpeg binary. Raises `SpinbotError` where the package brings none for this machine."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SpinbotError(
            "there is no ffmpeg for this machine",
            hint="reinstall the package imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to an ffmpeg binary",
            code="no_ffmpeg",
        ) from error


def command(args: Sequence[str | Path]) -> list[str]:
    """The full command line: quiet, asks nothing, threads capped."""
    return [binary(), "-hide_banner", "-nostdin", "-y", "-filter_threads", str(THREADS), *map(str, args)]


def run(
    args: Sequence[str | Path],
    *,
    what: str = "run",
    progress: Progress | None = None,
    seconds: float = 0.0,
    input: bytes | None = None,  # noqa: A002 - the word of subprocess
    error: type[SpinbotError] = SpinbotError,
    hint: str = "",
) -> Output:
    """Run ffmpeg to its end.

    `what` completes "ffmpeg could not ..." and is the message given to `progress`, whose fraction is the time
    written so far over `seconds`. `input` is fed to standard input (`-i pipe:0`). A failure raises `error` with
    `hint`, or `StorageError` when the disk is the cause. Whatever ends the wait, a cancelling `progress`
    included, ends the child too.
    """
    extra = ["-progress", "pipe:2", "-stats_period", "0.2"] if progress and seconds else []
    process = subprocess.Popen(
        command([*extra, *args]),
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        restore_signals=False,  # a file over the limit of the process is then an error, with a message
    )
    try:
        while True:
            try:
                data, log = process.communicate(input, timeout=_POLL if progress else None)
                break
            except subprocess.TimeoutExpired as waiting:
                input = None  # noqa: A001 - communicate() remembers it, and refuses to be given it twice
                if progress:
                    progress(_fraction(waiting.stderr or b"", seconds), what)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    text = log.decode(errors="replace")
    if process.returncode != 0:
        raise failure(text, what, error=error, hint=hint)
    return Output(data, text)


def failure(log: str, what: str, *, error: type[SpinbotError] = SpinbotError, hint: str = "") -> SpinbotError:
    """The error that an ffmpeg log tells of, in one line."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not _NOISE.match(line)]
    # The first message is the root cause; the address in "[mov @ 0x55..]" says nothing to a user.
    cause = re.sub(r"^(\[[^\]]*\]\s*)*(Error opening input: )?", "", lines[0]) if lines else "it was ended from outside"
    if "matches no streams" in cause:
        cause = "the file holds none"
    if "No space left on device" in log or "File too large" in log:
        return disk_full(what)
    if "Read-only file system" in log or "Permission denied" in log:
        return not_writable(what, cause)
    return error(f"ffmpeg could not {what}: {cause}", hint=hint)


def _fraction(log: bytes, seconds: float) -> float:
    times = re.findall(rb"out_time_us=(\d+)", log)
    return min(1.0, int(times[-1]) / 1e6 / seconds) if times and seconds else 0.0

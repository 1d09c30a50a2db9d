"""Runs ffmpeg (the static build of the package `imageio-ffmpeg`) and turns what it says into spinbot's errors."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg

from spinbot.config import cores
from spinbot.errors import SpinbotError, StorageError

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

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
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
        return _disk_full(what)
    if "Read-only file system" in log or "Permission denied" in log:
        return _not_writable(what, cause)
    return error(f"ffmpeg could not {what}: {cause}", hint=hint)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when the block succeeds.

    When the block fails nothing is left behind, and an older file at `path` stays as it was. Raises
    `StorageError` before the block when the folder is missing or closed to writing, and for any disk error
    inside it.
    """
    with disk_errors(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    part = Path(name)
    try:
        part.chmod(0o644)  # mkstemp keeps others out
        yield part
        with disk_errors(path):
            os.replace(part, path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _disk_full(f"write {path}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing `path` into a `StorageError`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full(f"write {path}") from error
        raise _not_writable(f"write {path}", error.strerror or str(error)) from error


def _disk_full(what: str) -> StorageError:
    return StorageError(f"no space left to {what}", hint="free some space or choose another disk", code="disk_full")


def _not_writable(what: str, cause: str) -> StorageError:
    return StorageError(
        f"could not {what}: {cause}", hint="choose a folder that exists and that you may write to", code="not_writable"
    )


def _fraction(log: bytes, seconds: float) -> float:
    times = re.findall(rb"out_time_us=(\d+)", log)
    return min(1.0, int(times[-1]) / 1e6 / seconds) if times and seconds else 0.0

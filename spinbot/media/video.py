"""Video files: frames in, frames out, and the finished MP4 with sound.

Pictures are RGB, uint8, shape (height, width, 3). Files are H.264 in yuv420p, tagged BT.709 with limited range,
which is what browsers and phones expect; the conversions below say so on both sides, so colours survive.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import numpy.typing as npt

from spinbot.disk import whole_file
from spinbot.errors import InputError, SpinbotError
from spinbot.media import ffmpeg
from spinbot.media.captions import FONTS
from spinbot.media.probe import MEDIA_HINT, VideoInfo, present, probe

__all__ = ["Frame", "FrameWriter", "VideoInfo", "finish", "join", "probe", "read_frames"]

Frame = npt.NDArray[np.uint8]

SOUND_RATE = 48000
_SOUND_BITS = "160k"
# accurate_rnd and full_chroma_*: without them swscale loses up to 2 levels of a flat colour.
_FLAGS = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
_BT709 = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
_TO_YUV = f"scale=out_color_matrix=bt709:out_range=tv:{_FLAGS},format=yuv420p,{_BT709}"
_TO_RGB = f"scale=out_range=pc:{_FLAGS},format=rgb24"
_THREADS = ["-threads", str(ffmpeg.THREADS)]
# The list of segments goes in by the pipe; -safe 0: these paths are our own.
_CONCAT = ["-f", "concat", "-safe", "0", "-protocol_whitelist", "file,pipe", "-i", "pipe:0"]
_MP4 = ["-movflags", "+faststart", "-f", "mp4"]


class FrameWriter:
    """Encodes frames to a silent H.264 MP4 as they come; the file appears when the block ends well.

    `crf` is x264's quality (0 lossless, 18 hardly visible, 23 its default), `preset` its effort. A slow encoder
    holds `write` back, so memory stays flat.
    """

    def __init__(
        self, path: Path, *, width: int, height: int, fps: float = 25, crf: int = 16, preset: str = "veryfast"
    ) -> None:
        """Raises `InputError` for odd sizes, which yuv420p cannot hold."""
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise InputError(f"a video cannot be {width}x{height} pixels", hint="use even sizes", code="odd_size")
        self.path = path
        self.shape = (height, width, 3)
        self.frames = 0
        self._rate = _rational(fps)
        # No B-frames: their delay depends on a segment's length, and would leave gaps where segments are joined.
        self._codec = ["-c:v", "libx264", "-bf", "0", "-preset", preset, "-crf", str(crf)]
        self._stack = ExitStack()
        self._log: deque[bytes] = deque(maxlen=50)

    def __enter__(self) -> FrameWriter:
        """Raises `StorageError` when the folder cannot be written."""
        with ExitStack() as stack:
            part = stack.enter_context(whole_file(self.path))
            height, width, _ = self.shape
            raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", self._rate]
            self._process = subprocess.Popen(
                ffmpeg.command(
                    ["-v", "error", *raw, "-i", "pipe:0", "-vf", _TO_YUV, *self._codec, *_THREADS, "-f", "mp4", part]
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                restore_signals=False,  # as in ffmpeg.run
            )
            assert self._process.stdin is not None
            assert self._process.stderr is not None
            self._pipe: IO[bytes] = self._process.stdin
            # Read all along: a full pipe of messages would stop the encoder, and `write` with it.
            self._listener = threading.Thread(target=self._log.extend, args=(self._process.stderr,), daemon=True)
            self._listener.start()
            stack.callback(self._end)
            self._stack = stack.pop_all()
        return self

    def write(self, frame: Frame) -> None:
        """Add one frame. Raises `StorageError` or `SpinbotError` as soon as the encoder has failed."""
        if frame.shape != self.shape or frame.dtype != np.uint8:
            raise ValueError(f"frame is {frame.dtype} {frame.shape}, expected uint8 {self.shape}")
        try:
            self._pipe.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError as error:
            raise self._failure() from error
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or drop it when the block failed. Raises what `write` raises."""
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if not self.frames:
                raise InputError("a video needs at least one frame", hint="write a frame first", code="no_frames")
            try:
                self._pipe.close()
            except BrokenPipeError as broken:
                raise self._failure() from broken
            if self._process.wait() != 0:
                raise self._failure()

    def _failure(self) -> SpinbotError:
        self._process.wait()
        self._listener.join()
        return ffmpeg.failure(b"".join(self._log).decode(errors="replace"), "encode the video")

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was still buffered has no reader any more, and nobody waits for it


def read_frames(path: Path) -> Iterator[Frame]:
    """Every frame of a video, or the one of a picture, upright, in order, without holding more than one.

    Raises `InputError` when the file cannot be decoded.
    """
    present(path)
    source = [*_THREADS, *ffmpeg.SAFE_INPUT, "-i", str(path), "-map", "0:v:0"]
    # PPM: each frame brings its own size, so that nothing need be known beforehand.
    pictures = ["-vf", _TO_RGB, "-fps_mode", "passthrough", "-c:v", "ppm", "-f", "image2pipe", "pipe:1"]
    process = subprocess.Popen(
        ffmpeg.command(["-v", "error", *source, *pictures]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    log: deque[bytes] = deque(maxlen=50)
    listener = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
    listener.start()
    try:
        while process.stdout.readline():
            width, height = map(int, process.stdout.readline().split())
            process.stdout.readline()  # the highest value, 255
            data = process.stdout.read(width * height * 3)
            if len(data) == width * height * 3:
                yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
        if process.wait() != 0:
            listener.join()
            raise ffmpeg.failure(
                b"".join(log).decode(errors="replace"),
                f"read the picture of {path.name}",
                error=InputError,
                hint=MEDIA_HINT,
            )
    finally:
        process.kill()
        process.wait()
        listener.join()
        process.stdout.close()
        process.stderr.close()


def join(segments: Sequence[Path], out: Path) -> VideoInfo:
    """Put silent H.264 segments after each other into one MP4; the picture is copied as it is.

    Returns what was written. Raises `InputError` for segments that do not fit together, `StorageError`.
    """
    _common_length(segments)
    with whole_file(out) as part:
        copied = ["-map", "0:v:0", "-c", "copy", "-f", "mp4"]
        ffmpeg.run(["-v", "error", *_CONCAT, *copied, part], input=_concat_script(segments), what="join the segments")
    return probe(out)


def finish(
    videos: Path | Sequence[Path],
    sound: Path,
    out: Path,
    *,
    poster_png: Path,
    title: str,
    comment: str = "",
    captions_ass: Path | None = None,
    poster_at: float | None = None,
    crf: int = 18,
    preset: str = "medium",
    progress: ffmpeg.Progress | None = None,
) -> VideoInfo:
    """Join silent H.264 segments, add the sound, and write an MP4 (H.264, AAC 48 kHz, index first).

    The sound is padded or cut to the length of the picture. The picture is copied as it is, unless captions are
    burnt in: then it is encoded again at `crf` and `preset`. The poster is the frame (without captions) at
    `poster_at` seconds, a third of the way in by default. Returns what was written. Raises `InputError` for
    segments that do not fit together, `StorageError`, and what `progress` raises.
    """
    segments = [videos] if isinstance(videos, Path) else list(videos)
    present(sound)
    seconds = _common_length(segments)
    source, script = _CONCAT, _concat_script(segments)
    with ExitStack() as files:
        poster = files.enter_context(whole_file(poster_png))
        part = files.enter_context(whole_file(out))
        picture: list[str | Path] = ["-c:v", "copy"]
        if captions_ass is not None:
            picture = [
                "-vf",
                f"ass=filename={_escaped(captions_ass)}:fontsdir={_escaped(FONTS)},{_BT709}",
                "-c:v",
                "libx264",
            ]
            picture += ["-preset", preset, "-crf", str(crf), *_THREADS]
        length = round(seconds * SOUND_RATE)
        fitted = f"aresample={SOUND_RATE}:resampler=soxr,apad=whole_len={length},atrim=end_sample={length}"
        aac = ["-af", fitted, "-c:a", "aac", "-b:a", _SOUND_BITS]
        names = ["-metadata", f"title={title}", "-metadata", f"comment={comment}"]
        inputs: list[str | Path] = [*source, "-i", sound, "-map", "0:v:0", "-map", "1:a:0"]
        ffmpeg.run(
            ["-v", "error", *inputs, *picture, *aac, *names, *_MP4, part],
            input=script,
            what="join picture and sound" if captions_ass is None else "burn in the captions",
            progress=progress,
            seconds=float(seconds),
        )
        at = float(seconds) / 3 if poster_at is None else poster_at
        png = ["-frames:v", "1", "-vf", _TO_RGB, "-c:v", "png", "-f", "image2", "-update", "1"]
        ffmpeg.run(
            ["-v", "error", *source, "-ss", f"{at:.3f}", "-map", "0:v:0", *png, poster],
            input=script,
            what="take the poster frame",
        )
    return probe(out)


def _concat_script(segments: Sequence[Path]) -> bytes:
    """What `_CONCAT` reads."""
    return ("ffconcat version 1.0\n" + "".join(f"file {_quoted(path)}\n" for path in segments)).encode()


def _common_length(segments: Sequence[Path]) -> Fraction:
    """Seconds of all segments together, as frames over the frame rate."""
    infos = [probe(path) for path in segments]
    kinds = {(info.width, info.height, round(info.fps, 3), info.video_codec) for info in infos}
    if len(kinds) != 1:
        raise InputError(
            f"the segments differ: {sorted(kinds)}", hint="make every segment with the same size and frame rate"
        )
    return sum(info.frames for info in infos) / Fraction(_rational(infos[0].fps))


def _rational(fps: float) -> str:
    """25 -> "25/1", 29.97 -> "30000/1001"."""
    exact = next((Fraction(n * 1000, 1001) for n in (24, 30, 60) if abs(fps - n * 1000 / 1001) < 0.005), None)
    rate = exact or Fraction(fps).limit_denominator(1000)
    return f"{rate.numerator}/{rate.denominator}"


def _quoted(path: Path) -> str:
    """A path in an ffconcat script (ffmpeg-utils, "Quoting and escaping")."""
    return "'file:" + str(path.absolute()).replace("'", "'\\''") + "'"


def _escaped(path: Path) -> str:
    """A path as an option's value inside a filter graph: escaped for the option, then for the graph."""
    value = re.sub(r"([\\':])", r"\\\1", str(path.absolute()))
    return re.sub(r"([\\'\[\],;])", r"\\\1", value)

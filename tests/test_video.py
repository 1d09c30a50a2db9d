"""Video files: colours, lengths, sound in time with the picture, and disks that fill up."""

from __future__ import annotations

import os
import resource
import subprocess
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from spinbot.errors import CancelledError, InputError, SpinbotError, StorageError
from spinbot.media import ffmpeg
from spinbot.media.audio import read_audio, write_wav
from spinbot.media.captions import to_ass
from spinbot.media.credentials import ensure_identity, sign
from spinbot.media.video import FrameWriter, finish, join, probe, read_frames

WIDTH, HEIGHT, FPS = 160, 120, 25
COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (224, 172, 140),
    (90, 60, 40),
    (30, 140, 200),
]


def gradient(index: int) -> np.ndarray:
    """A gradient that moves three pixels a frame."""
    frame = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    frame[..., 0] = (np.arange(WIDTH) + 3 * index) % 200
    frame[..., 1] = np.arange(HEIGHT)[:, None]
    return frame


def write(path: Path, frames) -> Path:
    with FrameWriter(path, width=WIDTH, height=HEIGHT, fps=FPS) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def noise(count: int):
    rng = np.random.default_rng(0)
    return (rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(count))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(1e-9, np.mean((a.astype(float) - b.astype(float)) ** 2)))


def children() -> set[str]:
    return set(" ".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).split())


def test_colours_survive(tmp_path):
    path = write(tmp_path / "a.mp4", (np.full((HEIGHT, WIDTH, 3), colour, np.uint8) for colour in COLOURS))
    for frame, colour in zip(read_frames(path), COLOURS, strict=True):
        assert psnr(frame, np.broadcast_to(np.uint8(colour), frame.shape)) > 45
    # Another decoder sees the same: the file says itself how its colours are to be read.
    capture = cv2.VideoCapture(str(path))
    for colour in COLOURS:
        assert np.abs(capture.read()[1][..., ::-1].astype(int) - colour).max() <= 3
    capture.release()
    log = ffmpeg.run(["-i", path, "-f", "null", "-"]).log
    assert "yuv420p(tv, bt709, progressive)" in log


def test_moving_pictures_survive(tmp_path):
    path = write(tmp_path / "a.mp4", (gradient(i) for i in range(30)))
    frames = list(read_frames(path))
    assert len(frames) == 30
    assert min(psnr(frame, gradient(i)) for i, frame in enumerate(frames)) > 35
    info = probe(path)
    assert (info.width, info.height, info.fps, info.frames, info.video_codec) == (WIDTH, HEIGHT, FPS, 30, "h264")
    assert info.video_seconds == pytest.approx(1.2)
    assert (info.audio_codec, info.audio_seconds) == ("", 0)


@pytest.mark.parametrize("captioned", [False, True])
def test_flash_and_click_stay_together_over_segments(tmp_path, captioned):
    flashes, lengths, rate = [10, 47, 70, 90], [37, 1, 53], 24000
    frames = [np.full_like(gradient(0), 255) if i in flashes else gradient(i) for i in range(sum(lengths))]
    starts = np.cumsum([0, *lengths])
    segments = [write(tmp_path / f"it's {i}.mp4", frames[start:end]) for i, (start, end) in enumerate(pairwise(starts))]
    sound = np.zeros(rate * 3, np.float32)  # shorter than the picture, which lasts 3.64 s
    for flash in flashes[:3]:
        at = round(flash / FPS * rate)
        sound[at : at + 240] = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(240) / rate)
    write_wav(tmp_path / "s.wav", sound, rate)
    captions = tmp_path / "c.ass"
    captions.write_text(to_ass([], (WIDTH, HEIGHT)))
    info = finish(
        segments,
        tmp_path / "s.wav",
        tmp_path / "out.mp4",
        poster_png=tmp_path / "poster.png",
        title='A "title" = ü; \\ end',
        comment="made in a test",
        captions_ass=captions if captioned else None,
        poster_at=47 / FPS,
    )
    assert (info.frames, info.fps, info.video_seconds) == (91, FPS, pytest.approx(3.64))
    assert abs(info.audio_seconds - info.video_seconds) <= 0.040
    assert (info.audio_codec, info.audio_rate, info.faststart) == ("aac", 48000, True)
    shown = [i for i, frame in enumerate(read_frames(tmp_path / "out.mp4")) if frame.mean() > 240]
    assert shown == flashes
    heard, rate = read_audio(tmp_path / "out.mp4")
    loud = np.flatnonzero(np.abs(heard) > 0.2) / rate
    clicks = loud[np.insert(np.diff(loud) > 0.1, 0, True)]
    assert clicks == pytest.approx(np.array(flashes[:3]) / FPS, abs=0.010)  # a quarter of a frame
    poster = cv2.imread(str(tmp_path / "poster.png"))
    assert poster.shape == (HEIGHT, WIDTH, 3)
    assert poster.mean() > 250  # the flash that was asked for
    log = ffmpeg.run(["-i", tmp_path / "out.mp4", "-f", "null", "-"]).log
    assert 'title           : A "title" = ü; \\ end' in log
    assert "comment         : made in a test" in log


def test_joining_copies_the_picture(tmp_path):
    first, second = (
        write(tmp_path / "1.mp4", map(gradient, range(5))),
        write(tmp_path / "2.mp4", map(gradient, range(9))),
    )
    write_wav(tmp_path / "s.wav", np.ones(48000, np.float32) * 0.1, 16000)  # longer than the picture: cut
    finish([first, second], tmp_path / "s.wav", tmp_path / "o.mp4", poster_png=tmp_path / "p.png", title="t")
    joined = list(read_frames(tmp_path / "o.mp4"))
    apart = [*read_frames(first), *read_frames(second)]
    assert len(joined) == len(apart)
    assert all(np.array_equal(a, b) for a, b in zip(joined, apart, strict=True))
    info = probe(tmp_path / "o.mp4")
    assert abs(info.audio_seconds - info.video_seconds) <= 0.040


def test_silent_segments_join_as_they_are(tmp_path):
    parts = [write(tmp_path / f"{n}'s.mp4", (gradient(i) for i in range(n))) for n in (30, 1, 12)]
    info = join(parts, tmp_path / "all.mp4")
    assert (info.frames, info.fps, info.video_codec, info.audio_codec) == (43, FPS, "h264", "")
    apart = [frame for part in parts for frame in read_frames(part)]
    assert all(np.array_equal(a, b) for a, b in zip(read_frames(tmp_path / "all.mp4"), apart, strict=True))
    first = (tmp_path / "all.mp4").read_bytes()
    join(parts, tmp_path / "all.mp4")
    assert (tmp_path / "all.mp4").read_bytes() == first
    with FrameWriter(tmp_path / "fast.mp4", width=WIDTH, height=HEIGHT, fps=30) as writer:
        writer.write(gradient(0))
    with pytest.raises(InputError, match="the segments differ"):
        join([parts[0], tmp_path / "fast.mp4"], tmp_path / "no.mp4")
    assert not (tmp_path / "no.mp4").exists()


def test_other_frame_rates(tmp_path):
    for fps in (24, 29.97, 30):
        with FrameWriter(tmp_path / "a.mp4", width=WIDTH, height=HEIGHT, fps=fps) as writer:
            for i in range(20):
                writer.write(gradient(i))
        info = probe(tmp_path / "a.mp4")
        assert info.frames == 20
        assert info.fps == pytest.approx(fps, abs=0.001)


def test_segments_that_differ_are_refused(tmp_path):
    write(tmp_path / "a.mp4", map(gradient, range(3)))
    with FrameWriter(tmp_path / "b.mp4", width=64, height=64) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    write_wav(tmp_path / "s.wav", np.zeros(100, np.float32), 24000)
    with pytest.raises(InputError, match="differ"):
        finish(
            [tmp_path / "a.mp4", tmp_path / "b.mp4"],
            tmp_path / "s.wav",
            tmp_path / "o.mp4",
            poster_png=tmp_path / "p.png",
            title="t",
        )
    assert not (tmp_path / "o.mp4").exists()


def test_frames_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="161x120"):
        FrameWriter(tmp_path / "a.mp4", width=161, height=120)
    with (
        pytest.raises(ValueError, match="expected uint8"),
        FrameWriter(tmp_path / "a.mp4", width=64, height=64) as writer,
    ):
        writer.write(np.zeros((64, 62, 3), np.uint8))
    with pytest.raises(InputError, match="at least one frame"):
        write(tmp_path / "a.mp4", [])
    assert not list(tmp_path.iterdir())


def test_a_failed_recording_leaves_the_older_file_alone(tmp_path):
    path = write(tmp_path / "a.mp4", map(gradient, range(3)))
    before, running = path.read_bytes(), children()

    def broken():
        yield gradient(0)
        raise FileNotFoundError("mid-way")

    with pytest.raises(FileNotFoundError, match="mid-way"):
        write(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert children() == running


def test_reading_may_stop_early(tmp_path):
    path, running = write(tmp_path / "a.mp4", map(gradient, range(60))), children()
    frames = read_frames(path)
    next(frames)
    frames.close()
    assert children() == running


def test_cancelling_ends_ffmpeg(tmp_path):
    running, seen = children(), []

    def progress(fraction: float, message: str) -> None:
        seen.append((fraction, message))
        if fraction > 0:
            raise CancelledError("stopped")

    endless = ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=s=64x64:r=25", "-t", "600"]
    with pytest.raises(CancelledError):
        ffmpeg.run([*endless, tmp_path / "a.mp4"], what="count to ten", progress=progress, seconds=600)
    assert children() == running
    assert seen[-1][1] == "count to ten"
    assert 0 < seen[-1][0] < 0.1


def test_what_is_no_video_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes.mp4").write_text("not a video")
    write_wav(tmp_path / "s.wav", np.zeros(100, np.float32), 24000)
    for call in (
        lambda: probe(tmp_path / "notes.mp4"),
        lambda: probe(tmp_path / "none.mp4"),
        lambda: list(read_frames(tmp_path / "notes.mp4")),
        lambda: list(read_frames(tmp_path / "s.wav")),
        lambda: finish(
            tmp_path / "none.mp4", tmp_path / "s.wav", tmp_path / "o.mp4", poster_png=tmp_path / "p", title="t"
        ),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert "\n" not in error.value.message
        assert error.value.hint


def test_the_cause_of_a_failure_is_named():
    with pytest.raises(SpinbotError, match=r"could not try this: .*nonsense"):
        ffmpeg.run(["-v", "error", "-f", "lavfi", "-i", "nonsense", "-f", "null", "-"], what="try this")


@pytest.fixture
def full_disk(tmp_path):
    """A folder that takes 200 kB: a small tmpfs, or where mounting is not allowed a limit on files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
    else:
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, old[1]))
        yield folder
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A silent video of about 1 MB, a sound, and an identity."""
    folder = tmp_path_factory.mktemp("large")
    write(folder / "v.mp4", noise(40))
    write_wav(folder / "s.wav", np.zeros(24000, np.float32), 24000)
    ensure_identity(folder)
    return folder


@pytest.mark.parametrize("what", ["frames", "sound", "finish", "burn", "sign"])
def test_a_full_disk_is_reported_and_nothing_half_written_stays(large, full_disk, tmp_path, what):
    captions = tmp_path / "c.ass"
    captions.write_text(to_ass([], (WIDTH, HEIGHT)))
    joined = {"poster_png": tmp_path / "p.png", "title": "t", "preset": "ultrafast"}
    calls = {
        "frames": lambda: write(full_disk / "a.mp4", noise(400)),
        "sound": lambda: write_wav(full_disk / "a.wav", np.zeros(500_000, np.float32), 24000),
        "finish": lambda: finish(large / "v.mp4", large / "s.wav", full_disk / "a.mp4", **joined),
        "burn": lambda: finish(large / "v.mp4", large / "s.wav", full_disk / "a.mp4", captions_ass=captions, **joined),
        "sign": lambda: sign(
            large / "v.mp4", full_disk / "a.mp4", ensure_identity(large), title="t", generator_version="1", models=[]
        ),
    }
    with pytest.raises(StorageError, match="no space left") as error:
        calls[what]()
    assert error.value.code == "disk_full"
    assert error.value.hint
    assert list(full_disk.iterdir()) == []


def test_a_path_that_cannot_be_written_is_refused_at_once(large, tmp_path):
    for path in (tmp_path / "missing" / "a.mp4", large / "s.wav" / "a.mp4"):
        with pytest.raises(StorageError) as error:
            write(path, map(gradient, range(2)))
        assert str(path) in error.value.message
        assert error.value.hint
        with pytest.raises(StorageError):
            finish(large / "v.mp4", large / "s.wav", path, poster_png=tmp_path / "p.png", title="t")
    assert list(tmp_path.iterdir()) == []

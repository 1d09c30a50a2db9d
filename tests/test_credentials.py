"""Content Credentials: signed files say who made them, and a changed byte shows."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from spinbot.errors import InputError, StorageError
from spinbot.media.audio import write_wav
from spinbot.media.credentials import ensure_identity, read, sign
from spinbot.media.video import FrameWriter, finish, probe, read_frames

ABOUT = {"title": "Tomato soup — ü", "generator_version": "9.8.7", "models": ["kokoro-82m-int8", "meshwarp"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One small file of each kind, and an identity."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(10)]
    cv2.imwrite(str(folder / "a.png"), frames[0])
    cv2.imwrite(str(folder / "a.jpg"), frames[0])
    write_wav(folder / "a.wav", rng.uniform(-0.5, 0.5, 9600).astype(np.float32), 24000)
    with FrameWriter(folder / "silent.mp4", width=64, height=64) as writer:
        for frame in frames:
            writer.write(frame)
    finish(folder / "silent.mp4", folder / "a.wav", folder / "a.mp4", poster_png=folder / "p.png", title="t")
    ensure_identity(folder / "identity")
    return folder


def signed(files, tmp_path, name):
    """`name` signed, under a name without a suffix as artifacts have."""
    out = tmp_path / "artifact"
    sign(files / name, out, ensure_identity(files / "identity"), **ABOUT, extra={"seeds": {"tts": 7}})
    return out


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.jpg", "a.wav"])
def test_a_signed_file_tells_how_it_was_made(files, tmp_path, name):
    found = read(signed(files, tmp_path, name))
    assert (found.has_manifest, found.valid, found.ai_generated) == (True, True, True)
    assert found.problems == ()
    assert found.title == ABOUT["title"]
    assert found.generator == "spinbot/9.8.7"
    assert found.models == tuple(ABOUT["models"])
    assert found.extra == {"seeds": {"tts": 7}}
    assert "spinbot" in found.issuer
    assert "untrusted" in found.remarks[0]  # the root is this machine's own, and the reader says so


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.jpg", "a.wav"])
def test_one_flipped_bit_makes_it_invalid(files, tmp_path, name):
    path = signed(files, tmp_path, name)
    data = bytearray(path.read_bytes())
    place = data.index(files.joinpath(name).read_bytes()[-200:]) + 100  # well inside picture or sound
    data[place] ^= 1
    path.write_bytes(data)
    found = read(path)
    assert found.has_manifest
    assert not found.valid
    assert "mismatch" in found.problems[0]


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.jpg", "a.wav"])
def test_files_without_credentials(files, name):
    found = read(files / name)
    assert (found.has_manifest, found.valid, found.ai_generated) == (False, False, False)


def test_other_kinds_of_file(files, tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    assert not read(tmp_path / "a.txt").has_manifest
    with pytest.raises(InputError, match=r"a\.txt") as error:
        sign(tmp_path / "a.txt", tmp_path / "b.txt", ensure_identity(files / "identity"), **ABOUT)
    assert error.value.hint
    with pytest.raises(InputError, match="no file"):
        read(tmp_path / "none.mp4")


def test_signing_leaves_picture_sound_and_faststart_as_they_were(files, tmp_path):
    path = signed(files, tmp_path, "a.mp4")
    assert probe(path) == probe(files / "a.mp4")
    assert probe(path).faststart
    frames = zip(read_frames(path), read_frames(files / "a.mp4"), strict=True)
    assert all(np.array_equal(after, before) for after, before in frames)


def test_signing_again_in_place_replaces_the_credentials(files, tmp_path):
    path = signed(files, tmp_path, "a.mp4")
    sign(path, path, ensure_identity(files / "identity"), **{**ABOUT, "title": "again"})
    assert (read(path).valid, read(path).title) == (True, "again")


def test_two_processes_that_start_at_once_share_one_identity(tmp_path):
    script = (
        "import sys; from pathlib import Path; from spinbot.media.credentials import ensure_identity;"
        "sys.stdin.readline(); print(ensure_identity(Path(sys.argv[1])).certificates)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "identity")]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    first, second = (racer.communicate()[0] for racer in racers)
    assert first == second
    assert first.count("BEGIN CERTIFICATE") == 2
    assert [path.name for path in (tmp_path / "identity").iterdir()] == ["identity.pem"]


def test_the_key_is_private_and_kept(tmp_path):
    identity = ensure_identity(tmp_path / "identity")
    assert (tmp_path / "identity" / "identity.pem").stat().st_mode & 0o777 == 0o600
    assert ensure_identity(tmp_path / "identity") == identity
    assert "PRIVATE" not in repr(identity)


def test_a_damaged_identity_is_named(tmp_path):
    (tmp_path / "identity.pem").write_text("garbage")
    with pytest.raises(StorageError, match="damaged") as error:
        ensure_identity(tmp_path)
    assert "delete" in error.value.hint


def test_an_output_that_cannot_be_written(files, tmp_path):
    with pytest.raises(StorageError) as error:
        sign(files / "a.mp4", tmp_path / "missing" / "o.mp4", ensure_identity(files / "identity"), **ABOUT)
    assert error.value.hint
    with pytest.raises(StorageError):
        ensure_identity(files / "a.png" / "identity")

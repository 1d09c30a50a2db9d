"""Recordings are looked through before a voice is learned from them: cut at pauses, heard, and judged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbot.engines.base import no_progress
from spinbot.engines.tts.kokoro import KokoroEngine
from spinbot.errors import InputError
from spinbot.media.audio import Samples, write_wav
from spinbot.media.clips import LONG_S, Clip, cut, whole
from spinbot.media.recording_folder import read_recordings
from spinbot.media.voice_set import Heard, examine
from tests.test_jobs_cli import environment

RATE = 16_000
SENTENCES = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "She sells sea shells by the sea shore every single morning.",
    "Learning to play the piano takes patience and a lot of time.",
    "Yesterday we walked along the beach until the sun went down.",
    "A good cup of coffee is the best way to begin a working day.",
)


def hum(seconds: float, level: float = 0.2) -> Samples:
    """Something loud."""
    return (level * np.sin(np.arange(round(seconds * RATE)) * 0.3)).astype(np.float32)


def hiss(seconds: float, level: float = 1e-4) -> Samples:
    """A pause in a quiet room."""
    noise: Samples = np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32)
    return noise


def heard(number: int = 0, *, seconds: float = 5.0, text: str = "one two three four five six", **facts: Any) -> Heard:
    """A good clip, where nothing else is said."""
    sound = {"snr_db": 45.0, "clipped": 0.0}
    good = sound | {name: value for name, value in facts.items() if name in sound}
    heard_in_it = {name: value for name, value in facts.items() if name not in sound}
    return Heard(f"clip {number}", Clip(0.0, seconds, **good), text, **heard_in_it)


def codes(clips: list[Heard]) -> set[tuple[str, str]]:
    return {(finding.name, finding.code) for finding in examine(clips).findings}


def test_a_recording_is_cut_at_its_pauses():
    parts = [hiss(0.5), hum(4), hiss(0.6), hum(5), hiss(0.6), hum(3.5), hiss(0.5)]
    clips = cut(np.concatenate(parts), RATE)
    assert [(round(clip.start, 1), round(clip.end, 1)) for clip in clips] == [(0.4, 4.6), (5.0, 10.2), (10.6, 14.3)]
    assert all(clip.snr_db > 40 for clip in clips)


def test_short_phrases_are_joined_and_long_ones_cut_at_their_quietest_place():
    short = np.concatenate([hiss(0.3), hum(1), hiss(0.4), hum(1.5), hiss(0.3)])
    assert len(cut(short, RATE)) == 1
    long = np.concatenate([hiss(0.3), hum(8), hum(0.2, 0.01), hum(9), hiss(0.3)])
    first, second = cut(long, RATE)
    assert first.seconds < LONG_S
    assert 8.2 < first.end < 8.7
    assert second.start == pytest.approx(first.end, abs=0.3)


def test_in_silence_there_is_nothing_to_cut():
    assert cut(np.zeros(RATE, np.float32), RATE) == []
    assert cut(np.zeros(10, np.float32), RATE) == []
    assert whole(np.zeros(RATE, np.float32), RATE) is None


def test_noise_and_clipping_are_measured():
    speech = np.concatenate([hum(2), hiss(0.5)] * 2)
    noisy = speech + hiss(5, 0.05)
    assert cut(speech, RATE)[0].snr_db > 40
    assert cut(noisy, RATE)[0].snr_db < 12
    assert whole(np.clip(speech * 9, -1, 1), RATE).clipped > 0.1  # type: ignore[union-attr]
    assert whole(speech, RATE).clipped == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"seconds": 0.4}, "too_short"),
        ({"text": ""}, "no_speech"),
        ({"clipped": 0.05}, "clipped"),
        ({"doubtful": True}, "not_understood"),
        ({"languages": {"it": 0.98, "en": 0.01}}, "other_language"),
        ({"snr_db": 5.0}, "noisy"),
        ({"snr_db": 15.0}, "hiss"),
    ],
)
def test_each_fault_has_its_name(facts, code):
    assert codes([*(heard(number) for number in range(12)), heard(99, **facts)]) == {("clip 99", code)}


def test_english_with_an_accent_is_english():
    accented = heard(99, languages={"ja": 0.62, "en": 0.34})
    assert codes([*(heard(number) for number in range(12)), accented]) == set()


def test_a_voice_is_learned_from_another_language_and_its_words_are_not_compared():
    foreign = heard(99, languages={"de": 0.97, "en": 0.01}, doubtful=True, given="Guten Tag, wie geht es Ihnen heute?")
    checkup = examine([*(heard(number) for number in range(12)), foreign])
    assert [(found.level, found.code) for found in checkup.findings] == [("note", "other_language")]
    assert "clip 99" in checkup.used
    unsure = heard(99, languages={"la": 0.2, "nn": 0.15, "en": 0.05}, doubtful=True)
    assert codes([*(heard(number) for number in range(12)), unsure]) == {("clip 99", "not_understood")}


def test_a_transcript_that_says_something_else_is_found():
    clip = heard(99)
    wrong = Heard(clip.name, clip.clip, clip.text, "nothing of this was ever said by anyone")
    right = Heard(clip.name, clip.clip, clip.text, "One, two, three, four, five: six!")
    good = [heard(number) for number in range(12)]
    assert codes([*good, wrong]) == {("clip 99", "other_words")}
    assert codes([*good, right]) == set()


def test_how_much_is_enough():
    assert examine([heard()]).go is False
    assert codes([heard()]) == {("", "too_little")}
    assert codes([heard(number) for number in range(5)]) == {("", "little")}
    hours = [heard(number, seconds=10.0, text="word " * 20) for number in range(3 * 360)]
    checkup = examine(hours)
    assert (checkup.go, len(checkup.used)) == (True, 180)  # the first half hour
    assert [finding.code for finding in checkup.findings] == ["much"]


@pytest.mark.parametrize("kind", ["ljspeech", "f5", "sovits", "beside"])
def test_data_sets_of_other_tools_are_read(tmp_path, kind):
    wavs = tmp_path if kind == "beside" else tmp_path / "wavs"
    wavs.mkdir(exist_ok=True)
    for name in ("a", "b"):
        write_wav(wavs / f"{name}.wav", hum(1), RATE)
    if kind == "ljspeech":
        (tmp_path / "metadata.csv").write_text("a|Dr. 1|Doctor one\nb|two|\nc|gone|gone\n")
    elif kind == "f5":
        (tmp_path / "metadata.csv").write_text("audio_file|text\nwavs/a.wav|Doctor one\nwavs/b.wav|two\nc.wav|gone\n")
    elif kind == "sovits":
        (tmp_path / "x.list").write_text("/far/a.wav|ada|en|Doctor one\n/far/b.wav|ada|en|two\n/etc/c.wav|a|en|gone\n")
    else:
        (tmp_path / "a.txt").write_text("Doctor one\n")
        (tmp_path / "b.txt").write_text("two")
    found = read_recordings(tmp_path)
    assert {entry.path.name: entry.text for entry in found.recordings} == {"a.wav": "Doctor one", "b.wav": "two"}
    assert [finding.code for finding in found.findings] == ([] if kind == "beside" else ["recording_missing"])


def test_an_entry_never_leads_out_of_the_data_set(tmp_path):
    (tmp_path / "set").mkdir()
    write_wav(tmp_path / "secret.wav", hum(1), RATE)
    (tmp_path / "set" / "metadata.csv").write_text("../secret.wav|what is said\n")
    with pytest.raises(InputError, match="no recordings"):
        read_recordings(tmp_path / "set")


def test_what_is_no_recording_is_an_error_that_says_what_to_give(tmp_path):
    with pytest.raises(InputError, match="there is no"):
        read_recordings(tmp_path / "none")
    with pytest.raises(InputError, match="no recordings"):
        read_recordings(tmp_path)


@pytest.mark.models
def test_what_is_wrong_with_recordings_is_said_with_a_remedy(tmp_path, models: Callable[[str], Path]):
    home, place = tmp_path / "home", tmp_path / "voice"
    home.mkdir()
    place.mkdir()
    (home / "models").symlink_to(models("whisper-tiny.en").parent)
    speaker = KokoroEngine(models, threads=1)
    speaker.load(no_progress)
    voice = speaker.named("")
    spoken = [speaker.speak(text, voice=voice, speed=1.0, seed=0, progress=no_progress) for text in SENTENCES]
    rate = spoken[0].sample_rate
    pause = np.random.default_rng(0).normal(0, 3e-4, rate // 2).astype(np.float32)
    good = np.concatenate([part for one in spoken for part in (one.samples, pause)])
    write_wav(place / "good.wav", good, rate)
    write_wav(place / "loud.wav", np.clip(spoken[0].samples * 12, -1, 1), rate)
    write_wav(place / "silence.wav", np.zeros(5 * rate, np.float32), rate)
    write_wav(place / "blip.wav", good[: round(0.3 * rate)], rate)
    seconds = np.arange(8 * rate) / rate
    write_wav(place / "tune.wav", (0.3 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32), rate)
    write_wav(place / "other.wav", spoken[1].samples, rate)
    (place / "other.txt").write_text("This is something else that nobody has said at all.")
    (place / "bad.wav").write_bytes(b"no sound")
    command = [sys.executable, "-m", "spinbot.cli.main", "dataset", "voice", str(place), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment(home))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    faults = {
        (finding["name"].split()[0], finding["code"])
        for finding in found["findings"]
        if finding["level"] == "left_out" and finding["remedy"]
    }
    assert faults == {
        ("bad.wav", "bad_input"),
        ("loud.wav", "clipped"),
        ("silence.wav", "silent"),
        ("blip.wav", "too_short"),
        ("tune.wav", "no_speech"),
        ("other.wav", "other_words"),
    }
    assert "bad.wav" in found["left_out"]
    assert all(name.startswith("good.wav") for name in found["used"])
    written = " ".join(clip["text"] for clip in found["clips"]).lower()
    assert "quick brown fox" in written
    assert "cup of coffee" in written

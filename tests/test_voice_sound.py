"""What becomes of sound that is hard to learn a voice from: noise, other languages, music, hours, two speakers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbot.engines.asr.whisper import WhisperTinyEngine
from spinbot.engines.base import no_progress
from spinbot.engines.speaker.base import similarity
from spinbot.engines.speaker.ge2e import Ge2eEncoder
from spinbot.engines.tts.kokoro import SAMPLE_RATE, KokoroEngine
from spinbot.media import ffmpeg
from spinbot.media.audio import Samples, write_wav
from spinbot.media.denoise import denoise
from spinbot.media.words import word_error_rate
from tests.people import CONSENT, FOREIGN, SENTENCES, music, pronounced
from tests.test_datasets import spinbot_in

Models = Callable[[str], Path]


@pytest.fixture(scope="module")
def recogniser(models: Models) -> WhisperTinyEngine:
    engine = WhisperTinyEngine(models, threads=2)
    engine.load(no_progress)
    return engine


@pytest.fixture(scope="module")
def parts(kokoro: KokoroEngine) -> list[Samples]:
    return spoken(kokoro)


@pytest.fixture(scope="module")
def speech(parts: list[Samples]) -> Samples:
    return np.concatenate(parts)


def spoken(kokoro: KokoroEngine, voice: str = "stock:nezumi") -> list[Samples]:
    """The sentences, each with half a second of silence behind it."""
    sounds = [kokoro.speak(text, voice=voice, speed=1.0, seed=0, progress=no_progress).samples for text in SENTENCES]
    return [np.concatenate([sound, np.zeros(SAMPLE_RATE // 2, np.float32)]) for sound in sounds]


def noise_of(speech: Samples, snr_db: float, slope: float) -> Samples:
    """Noise whose amplitude falls with frequency to the power `slope`; `snr_db` below the loud half of the speech."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(speech)))
    hertz = np.maximum(np.fft.rfftfreq(len(speech), 1 / SAMPLE_RATE), 40)
    noise = np.fft.irfft(spectrum * hertz**slope, len(speech))
    loud = np.sort(np.square(speech))[len(speech) // 2 :].mean()
    return (noise * np.sqrt(loud / 10 ** (snr_db / 10) / np.square(noise).mean())).astype(np.float32)


def snr_db(sound: Samples, speech: Samples) -> float:
    scaled = speech * (sound @ speech) / (speech @ speech)
    return float(10 * np.log10(np.square(scaled).sum() / np.square(sound - scaled).sum()))


@pytest.mark.models
@pytest.mark.parametrize("slope", [0, -0.5, -1], ids=["hiss", "pink", "fan"])
def test_noise_becomes_less_and_the_voice_more_itself(
    speech: Samples, encoder: Ge2eEncoder, recogniser: WhisperTinyEngine, slope: float
) -> None:
    noisy = speech + noise_of(speech, 15, slope)
    clean = denoise(noisy, SAMPLE_RATE)
    assert len(clean) == len(noisy)
    assert np.array_equal(clean, denoise(noisy, SAMPLE_RATE))
    assert snr_db(clean, speech) > snr_db(noisy, speech) + 3  # a delay of one sample would cost more
    own = encoder.embed(speech, SAMPLE_RATE)
    like_noisy, like_clean = (similarity(own, encoder.embed(sound, SAMPLE_RATE)) for sound in (noisy, clean))
    assert like_clean > like_noisy
    heard = recogniser.transcribe(clean, SAMPLE_RATE, no_progress).text
    assert word_error_rate(" ".join(SENTENCES), heard) < 0.1


@pytest.mark.models
def test_a_clean_recording_stays_as_it_is(parts: list[Samples], speech: Samples) -> None:
    room = np.random.default_rng(0).normal(0, 1e-4, len(speech)).astype(np.float32)
    without_pauses = [part[: -SAMPLE_RATE // 2] for part in parts]
    for sound in (speech, speech + room, *without_pauses, speech[:1000], speech[:0]):
        assert np.array_equal(denoise(sound, SAMPLE_RATE), sound)


def examined(home: Path, place: Path) -> tuple[int, dict[str, Any]]:
    done = spinbot_in(home, "dataset", "voice", place, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def found(checkup: dict[str, Any], level: str) -> set[tuple[str, str]]:
    return {(one["name"].split()[0], one["code"]) for one in checkup["findings"] if one["level"] == level}


@pytest.mark.models
@pytest.mark.timeout(300)
def test_what_is_not_the_person_in_english_is_left_out(home: Path, tmp_path: Path, kokoro: KokoroEngine) -> None:
    place = tmp_path / "voice"
    place.mkdir()
    own, other = spoken(kokoro, "stock:kumo"), spoken(kokoro, "stock:alpha")
    write_wav(place / "talk.wav", np.concatenate([*own, *other[:2]]), SAMPLE_RATE)
    for language, sentences in FOREIGN.items():
        for number, sentence in enumerate(sentences):
            write_wav(place / f"{language}{number}.wav", pronounced(kokoro, sentence), SAMPLE_RATE)
    write_wav(place / "song.wav", music(30), 16_000)
    code, checkup = examined(home, place)
    assert code == 0
    left_out = found(checkup, "left_out")
    foreign = {(f"{language}{number}.wav", "not_understood") for language in FOREIGN for number in range(2)}
    assert foreign <= left_out
    assert {code for name, code in left_out if name == "song.wav"} <= {"no_speech", "not_understood", "noisy"}
    assert ("talk.wav", "other_voice") in left_out
    assert all(one["remedy"] for one in checkup["findings"])
    assert all(name.startswith("talk.wav") for name in checkup["used"])
    # The second speaker begins when the first has ended.
    begins = sum(len(part) for part in own) / SAMPLE_RATE
    assert max(clip["end"] for clip in checkup["clips"]) < begins + 0.5


@pytest.mark.models
def test_a_recogniser_of_many_languages_names_the_one_it_hears(
    home: Path, tmp_path: Path, kokoro: KokoroEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPINBOT_ENGINES__ASR", "whisper-base")
    both = [kokoro.speak(SENTENCES[0], voice="stock:kumo", speed=1.0, seed=0, progress=no_progress).samples]
    both += [pronounced(kokoro, FOREIGN["it"][0])]
    (tmp_path / "voice").mkdir()
    for name, sound in zip(("english", "italian"), both, strict=True):
        write_wav(tmp_path / "voice" / f"{name}.wav", sound, SAMPLE_RATE)
    _, checkup = examined(home, tmp_path / "voice")
    assert found(checkup, "note") >= {("italian.wav", "other_language")}
    assert not found(checkup, "left_out")
    assert "'it'" in next(one["message"] for one in checkup["findings"] if one["code"] == "other_language")


@pytest.mark.models
def test_of_music_nothing_is_learned(home: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", music(40), 16_000)
    done = spinbot_in(home, "train", "voice", tmp_path / "song.wav", "--name", "ada", *CONSENT, "--steps", "1")
    assert done.returncode == 2
    assert "15 are the least" in done.stderr
    assert "remedy" in done.stderr
    code, checkup = examined(home, tmp_path / "song.wav")
    assert (code, checkup["used"]) == (2, [])
    assert found(checkup, "left_out")


@pytest.mark.models
@pytest.mark.timeout(300)
def test_of_three_hours_the_first_half_hour_is_listened_to(home: Path, tmp_path: Path, speech: Samples) -> None:
    """Mostly silence, so that the test is short."""
    write_wav(tmp_path / "speech.wav", speech, SAMPLE_RATE)
    place = tmp_path / "talk"
    place.mkdir()
    pad = ["-af", "apad=whole_dur=10800", "-ar", "16000", "-ac", "1"]
    ffmpeg.run(["-v", "error", "-i", tmp_path / "speech.wav", *pad, place / "a.flac"])
    write_wav(place / "b.wav", speech, SAMPLE_RATE)
    code, checkup = examined(home, place)
    assert code == 0
    long = {one["name"]: one["message"] for one in checkup["findings"] if one["code"] == "long"}
    assert long == {
        "a.flac": "its first 31 minutes were listened to",
        "": "the last 1 of 2 were not listened to, beyond 31 minutes",
    }
    assert all(name.startswith("a.flac") for name in checkup["used"])

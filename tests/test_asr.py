"""Speech recognition on real sound."""

from __future__ import annotations

import numpy as np
import pytest

from spinbot.engines.asr.whisper import WhisperBaseEngine, WhisperTinyEngine
from spinbot.engines.base import no_progress
from spinbot.engines.tts.kokoro import KokoroEngine
from spinbot.errors import ModelError
from spinbot.media.words import word_error_rate
from tests.people import FOREIGN, pronounced

TEXT = "The old harbor was quiet, and nobody had seen the ship for twenty years."


@pytest.fixture(scope="module")
def spoken(models):
    tts = KokoroEngine(models)
    tts.load(no_progress)
    yield tts.speak(TEXT, voice="stock:kumo", speed=1, seed=0, progress=no_progress)
    tts.unload()


@pytest.mark.models
@pytest.mark.parametrize("engine", [WhisperTinyEngine, WhisperBaseEngine])
def test_hears_every_word_and_when_it_was_said(models, spoken, engine):
    asr = engine(models)
    asr.load(no_progress)
    heard = asr.transcribe(spoken.samples, spoken.sample_rate, no_progress)
    asr.unload()
    assert word_error_rate(TEXT, heard.text) == 0
    assert heard.language == "en"
    assert " ".join(word.text for word in heard.words) == heard.text
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    assert heard.words[-1].end <= spoken.samples.size / spoken.sample_rate
    mine = {word.text: word.start for word in spoken.timing.words}
    off = [abs(mine[word.text] - word.start) for word in heard.words if word.text in mine]
    assert np.median(off) < 0.12


@pytest.mark.models
@pytest.mark.parametrize("times", [4, 8])
def test_nothing_is_lost_of_a_long_recording(models, spoken, times):
    asr = WhisperTinyEngine(models)
    asr.load(no_progress)
    pause = np.zeros(spoken.sample_rate // 2, np.float32)
    samples = np.concatenate([spoken.samples, pause] * times)
    heard = asr.transcribe(samples, spoken.sample_rate, no_progress)
    asr.unload()
    assert word_error_rate(" ".join([TEXT] * times), heard.text) <= 0.02
    begins = [word.start for word in heard.words if word.text == "harbor"]
    assert begins == pytest.approx(
        [begins[0] + n * samples.size / times / spoken.sample_rate for n in range(times)], abs=0.25
    )


@pytest.mark.models
def test_what_is_not_english_is_a_guess_and_the_larger_model_names_the_language(models, spoken):
    tts, tiny, base = KokoroEngine(models), WhisperTinyEngine(models), WhisperBaseEngine(models)
    for engine in (tts, tiny, base):
        engine.load(no_progress)
    assert not tiny.transcribe(spoken.samples, spoken.sample_rate, no_progress).doubtful
    assert tiny.languages(spoken.samples, spoken.sample_rate) == {}
    assert base.languages(spoken.samples, spoken.sample_rate)["en"] > 0.9
    for language, sentences in FOREIGN.items():
        for sentence in sentences:
            foreign = pronounced(tts, sentence)
            assert tiny.transcribe(foreign, spoken.sample_rate, no_progress).doubtful
            assert base.languages(foreign, spoken.sample_rate)[language] > 0.9


@pytest.mark.models
def test_silence_and_no_sound_have_no_words(models):
    asr = WhisperTinyEngine(models)
    asr.load(no_progress)
    for samples in (np.zeros(16000, np.float32), np.zeros(0, np.float32)):
        assert asr.transcribe(samples, 16000, no_progress).text == ""
    asr.unload()


def test_missing_weights_are_a_model_error(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"whisper-tiny\.en cannot be loaded"):
        WhisperTinyEngine(lambda name: tmp_path).load(no_progress)

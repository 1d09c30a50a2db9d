"""Pronunciation, speech and its times, and narrating a script with a read-back check."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from spinbot.engines.asr.whisper import WhisperTinyEngine
from spinbot.engines.base import no_progress
from spinbot.engines.tts.base import TtsEngine
from spinbot.engines.tts.english import English, check_english
from spinbot.engines.tts.kokoro import KokoroEngine
from spinbot.engines.tts.narrate import ACCEPTED, Narration, SentenceSpan, narrate, padded
from spinbot.engines.tts.piper import PiperEngine
from spinbot.errors import CancelledError, InputError, ModelError, NotFoundError
from spinbot.media.timing import Phoneme, Timing, Word
from spinbot.media.words import word_error_rate

TEXT = 'Dr. Lee paid $42.50 — "cash", on 3 May 1968, for 2 km of rope.'


@pytest.fixture(scope="module")
def english():
    return English()


@pytest.fixture(scope="module")
def kokoro(models):
    engine = KokoroEngine(models)
    engine.load(no_progress)
    yield engine
    engine.unload()


@pytest.fixture(scope="module")
def whisper(models):
    engine = WhisperTinyEngine(models)
    engine.load(no_progress)
    yield engine
    engine.unload()


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("The old water", "ði ˈOld wˈɔTəɹ"),
        ("the new duty", "ðə nˈu dˈuTi"),
        ("FBI and NASA", "ˌɛf bˌi ˈI ænd nˈæsə"),
        ("GPUs", "ʤˌi pˌi jˈuz"),
        ("I read it yesterday", "I ɹˈɛd ɪt jˈɛstəɹdˌA"),
        ("They will read it", "ðA wɪl ɹˈid ɪt"),
        ("a record", "ɐ ɹˈɛkəɹd"),
        ("to record", "tə ɹɪkˈɔɹd"),
        ("spinbot's", "spˈɪnbˌɔts"),
        ("Zürich", "zˈʊɹɪk"),
        ("STOP THE OLD CAR NOW", "stˈɑp ði ˈOld kˈɑɹ nˈW"),
    ],
)
def test_pronunciation(english, text, phonemes):
    assert " ".join(word.phonemes for word in english.pronounce(text)) == phonemes


def test_written_words_and_breathing_marks_are_kept(english):
    words = english.pronounce(TEXT)
    assert " ".join(word.written for word in words) == TEXT
    assert [word.written for word in words if not word.phonemes] == []
    assert {word.written: (word.lead, word.trail) for word in words if word.lead or word.trail} == {
        "$42.50 —": ("", "—"),
        '"cash",': ('"', '",'),
        "1968,": ("", ","),
        "rope.": ("", "."),
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Der Hund ist nicht mit dem Ball auf die Straße gelaufen.", "German"),
        ("Le chat est dans la maison avec les enfants.", "French"),
        ("El perro es muy grande y los gatos son pequeños.", "Spanish"),
        ("Dit is een zin die niet in het Engels is.", "Dutch"),
        ("Привет, как дела?", "Cyrillic"),
        ("これは日本語です。", "Japanese"),
    ],
)
def test_another_language_is_refused_by_name(text, found):
    with pytest.raises(InputError, match=found) as caught:
        check_english(text)
    assert caught.value.code == "unsupported_language"
    assert "English" in caught.value.hint


@pytest.mark.parametrize("text", ["Hello", "Das Auto by VW in Berlin is the best", "¿Qué? said Ann", "42", "Café Noir"])
def test_names_and_foreign_words_in_english_are_accepted(text):
    check_english(text)


@pytest.mark.parametrize("engine", [KokoroEngine, PiperEngine])
def test_bad_requests_are_refused_before_loading(engine, tmp_path):
    unloaded = engine(lambda name: tmp_path)
    voice = engine.voices()[0].name
    with pytest.raises(NotFoundError, match="nobody") as caught:
        unloaded.speak("Hello", voice="nobody", speed=1, seed=0, progress=no_progress)
    assert all(offered.name in caught.value.hint for offered in engine.voices())
    for text in ("", "  ", "— 😀 ..."):
        with pytest.raises(InputError, match="no word"):
            unloaded.speak(text, voice=voice, speed=1, seed=0, progress=no_progress)
    with pytest.raises(InputError, match=r"speed 3"):
        unloaded.speak("Hello", voice=voice, speed=3, seed=0, progress=no_progress)


def test_damaged_weights_are_a_model_error(tmp_path):
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(ModelError, match="Kokoro cannot be loaded") as caught:
        KokoroEngine(lambda name: tmp_path).load(no_progress)
    assert "kokoro-82m-int8" in caught.value.hint


def test_piper_without_its_package_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(ModelError, match="piper-tts") as caught:
        PiperEngine(lambda name: tmp_path).load(no_progress)
    assert "spinbot[piper]" in caught.value.hint


def assert_times_fit(samples, rate, timing, text):
    """Words as written, in order, inside the sound; phonemes without a hole from its start to its end."""
    length = samples.size / rate
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1
    assert " ".join(word.text for word in timing.words) == text
    edges = [edge for word in timing.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[-1] <= length
    assert all(word.end - word.start > 0.02 for word in timing.words)
    assert timing.phonemes[0].start == 0
    assert timing.phonemes[-1].end == pytest.approx(length, abs=2e-3)
    for one, following in zip(timing.phonemes, timing.phonemes[1:], strict=False):
        assert one.start < one.end == pytest.approx(following.start, abs=2e-4)


@pytest.mark.models
def test_kokoro_speaks_so_that_every_word_is_understood(kokoro, whisper):
    spoken = kokoro.speak(TEXT, voice="stock:kumo", speed=1, seed=0, progress=no_progress)
    assert_times_fit(spoken.samples, spoken.sample_rate, spoken.timing, TEXT)
    heard = whisper.transcribe(spoken.samples, spoken.sample_rate, no_progress)
    assert word_error_rate(TEXT, heard.text) <= 0.05
    money = next(word for word in spoken.timing.words if word.text.startswith("$42.50"))
    said = [p.ipa for p in spoken.timing.phonemes if p.ipa and money.start <= p.start < money.end]
    assert "".join(said) == "fɔɹɾitudɑləɹzændfɪftisɛnts"
    loud = np.abs(spoken.samples) > 0.02
    for silence in (p for p in spoken.timing.phonemes if not p.ipa):
        inside = loud[round(silence.start * 24000) : round(silence.end * 24000)]
        assert inside.mean() < 0.25


@pytest.mark.models
def test_a_seed_gives_one_sound_and_another_seed_another(kokoro):
    def speak(seed, speed=1.0):
        return kokoro.speak("Good day.", voice="stock:alpha", speed=speed, seed=seed, progress=no_progress).samples

    assert np.array_equal(speak(0), speak(0))
    assert not np.array_equal(speak(0), speak(5))
    assert speak(0, 2.0).size < 0.7 * speak(0).size


@pytest.mark.models
def test_a_text_beyond_the_model_is_spoken_in_parts(kokoro):
    text = ("He saw one two three four five six seven eight nine ten, " * 8).strip()
    spoken = kokoro.speak(text, voice="stock:kumo", speed=2, seed=0, progress=no_progress)
    assert_times_fit(spoken.samples, spoken.sample_rate, spoken.timing, text)


@pytest.mark.models
def test_speaking_can_be_cancelled(kokoro):
    def stop(fraction, message):
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        kokoro.speak(TEXT, voice="stock:kumo", speed=1, seed=0, progress=stop)


@pytest.mark.models
def test_piper_speaks_with_times(models, whisper):
    engine = PiperEngine(models)
    engine.load(no_progress)
    text = "Most of the 3 old houses — by the river — cost $20."
    spoken = engine.speak(text, voice="joe", speed=1, seed=0, progress=no_progress)
    again = engine.speak(text, voice="joe", speed=1, seed=0, progress=no_progress)
    engine.unload()
    assert_times_fit(spoken.samples, spoken.sample_rate, spoken.timing, text)
    assert np.array_equal(spoken.samples, again.samples)
    assert word_error_rate(text, whisper.transcribe(spoken.samples, spoken.sample_rate, no_progress).text) <= 0.1


class Stumbler(TtsEngine):
    """Says something else on its first take of a sentence, and the sentence itself on the second."""

    def __init__(self, voice):
        self.voice = voice
        self.takes = []

    def load(self, progress):
        raise AssertionError("the voice is loaded")

    unload = load

    @classmethod
    def voices(cls):
        return KokoroEngine.voices()

    def speak(self, text, *, voice, speed, seed, progress):
        garbled = "stumble" in text and text not in self.takes
        self.takes.append(text)
        said = "Purple elephants dance." if garbled else text
        return self.voice.speak(said, voice=voice, speed=speed, seed=seed, progress=progress)


@pytest.mark.models
def test_a_misread_sentence_is_spoken_again(kokoro, whisper):
    sentences = ["The sun is warm.", "Try not to stumble here.", "We go home at 10:30."]
    seen = []
    told = narrate(
        Stumbler(kokoro),
        whisper,
        sentences,
        voice="stock:kumo",
        speed=1,
        seed=0,
        progress=lambda fraction, message: seen.append((fraction, message)),
    )
    assert [span.tries for span in told.sentences] == [1, 2, 1]
    assert all(span.word_error <= ACCEPTED for span in told.sentences)
    assert "stumble" in told.sentences[1].heard
    assert_times_fit(told.samples, told.sample_rate, told.timing, " ".join(sentences))
    for before, after in zip(told.sentences, told.sentences[1:], strict=False):
        assert after.start - before.end == pytest.approx(0.35, abs=1e-3)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert any("sentence 2 of 3" in message for _, message in seen)


@pytest.mark.models
def test_without_a_listener_each_sentence_has_one_take(kokoro):
    told = narrate(kokoro, None, ["Yes.", "No."], voice="stock:kumo", speed=1, seed=0, progress=no_progress)
    assert [(span.text, span.tries, span.heard) for span in told.sentences] == [("Yes.", 1, ""), ("No.", 1, "")]


@pytest.mark.models
def test_an_empty_script_is_refused(kokoro):
    with pytest.raises(InputError, match="empty"):
        narrate(kokoro, None, [], voice="stock:kumo", speed=1, seed=0, progress=no_progress)


@pytest.mark.parametrize("fps", [25, 24, 29, 60])
@pytest.mark.parametrize(("lead_s", "pause_s"), [(0.1, 0.25), (0.0, 0.0)])
def test_a_segment_is_as_long_as_whole_frames(fps, lead_s, pause_s):
    rate = 24000
    sound = np.linspace(0.1, 1, 40001, dtype=np.float32)
    timing = Timing(
        words=[Word(text="Yes.", start=0.2, end=1.5)], phonemes=[Phoneme(ipa="s", start=0, end=40001 / rate)]
    )
    told = Narration(sound, rate, timing, [SentenceSpan("Yes.", 0, 40001 / rate, "Yes.", 0.0, 1)])
    out = padded(told, lead_s=lead_s, pause_s=pause_s, fps=fps)
    lead = round(lead_s * rate)
    np.testing.assert_array_equal(out.samples[lead : lead + sound.size], sound)
    assert not out.samples[:lead].any()
    silence = out.samples[lead + sound.size :]
    assert not silence.any()
    assert pause_s * rate <= silence.size < pause_s * rate + rate / fps + 1
    frames = -(-out.samples.size * fps // rate)
    assert 0 <= frames * rate / fps - out.samples.size < 1
    assert (out.timing.words[0].start, out.sentences[0].start) == (pytest.approx(0.2 + lead_s), lead_s)
    edges = [(phoneme.start, phoneme.end) for phoneme in out.timing.phonemes]
    assert edges[0][0] == 0
    assert edges[-1][1] == pytest.approx(out.samples.size / rate)
    assert [end for _, end in edges[:-1]] == [pytest.approx(start) for start, _ in edges[1:]]

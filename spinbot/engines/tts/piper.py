"""Piper: a fast voice (VITS, arXiv:2106.06103), an optional extra because piper-tts and espeak-ng are GPL-3.0."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from spinbot.engines.base import Progress
from spinbot.engines.tts.alignment import align
from spinbot.engines.tts.base import Spoken, TtsEngine, Voice
from spinbot.engines.tts.english import check_english, punctuation
from spinbot.errors import InputError, ModelError, NotFoundError
from spinbot.media.spoken import SpokenWord, spoken_words

_VOICE = Voice("joe", "en-US", "male, even; fast and plain")
_DIPHTHONGS = {"oʊ": "O", "eɪ": "A", "aɪ": "I", "aʊ": "W", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ"}
_MARKS = ';:,.!?—()" '


class PiperEngine(TtsEngine):
    """Speaks English in one voice, some four times as fast as Kokoro."""

    name: ClassVar[str] = "piper"
    requires: ClassVar[tuple[str, ...]] = ("piper-joe-medium",)
    extras: ClassVar[tuple[str, ...]] = ("piper", "onnx")

    _voice: Any = None

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        """The one voice."""
        return (_VOICE,)

    def load(self, progress: Progress) -> None:
        """Open the voice. Raises `ModelError` where piper-tts or the voice's files are missing."""
        try:
            from piper import PiperVoice
            from piper.config import PiperConfig
            from piper.patch_voice_with_alignment import add_alignment_output
        except ImportError as error:
            raise ModelError(
                "the engine piper needs the package piper-tts",
                hint="pip install 'spinbot[piper]'",
                code="missing_package",
            ) from error
        import onnx
        import onnxruntime

        folder = self.models(self.requires[0])
        progress(0.0, "loading Piper")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            config = json.loads((folder / "en_US-joe-medium.onnx.json").read_text("utf-8"))
            model = onnx.load(str(folder / "en_US-joe-medium.onnx"))
            add_alignment_output(model)
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"Piper cannot be loaded from {folder.name}: {error}",
                hint="install the model anew: spinbot models pull piper-joe-medium",
            ) from error
        self._voice = PiperVoice(config=PiperConfig.from_dict(config), session=session)
        progress(1.0, "Piper is ready")

    def unload(self) -> None:
        """Drop the voice."""
        self._voice = None

    def speak(self, text: str, *, voice: str, speed: float, seed: int, progress: Progress) -> Spoken:
        """See `TtsEngine.speak`. Spoken without the model's random noise, so that a seed always gives one sound."""
        from piper import SynthesisConfig

        words = _heard(text, voice, speed)
        if seed:
            speed *= 1 + random.Random(seed).uniform(0.05, 0.1) * (-1 if seed % 2 else 1)
        config = SynthesisConfig(length_scale=1 / speed, noise_scale=0.0, noise_w_scale=0.0)
        said = " ".join(lead + " ".join(w.spoken) + trail for w in words for lead, trail in (punctuation(w.written),))
        symbols, sound = "", []
        durations: list[int] = []
        for chunk in self._voice.synthesize(said, config, include_alignments=True):
            progress(0.0, "speaking")
            for item in chunk.phoneme_alignments:
                pair = symbols[-1:] + item.phoneme
                if pair in _DIPHTHONGS:
                    symbols = symbols[:-1] + _DIPHTHONGS[pair]
                    durations[-1] += int(item.num_samples)
                else:
                    symbols += "." if item.phoneme in "^$" else item.phoneme
                    durations.append(int(item.num_samples))
            sound.append(chunk.audio_float_array)
        inner = symbols[1:-1]
        owners = self._owners(inner, words)
        rate = int(self._voice.config.sample_rate)
        written = [w.written for w in words]
        aligned = align(written, inner, owners, np.array(durations), np.concatenate(sound), rate)
        progress(1.0, "spoken")
        return Spoken(aligned.samples, rate, aligned.timing)

    def _owners(self, symbols: str, words: Sequence[SpokenWord]) -> list[int]:
        """For each symbol the number of its word, -1 for marks and spaces.

        espeak-ng joins some words ("of the"), so its spaces alone do not tell; then symbols are shared out by
        the number that each word has on its own.
        """
        groups = [g for g in "".join(" " if s in _MARKS else s for s in symbols).split(" ") if g]
        spoken = [i for i, w in enumerate(words) for _ in w.spoken]
        if len(groups) == len(spoken):
            bounds = np.cumsum([len(g) for g in groups])
            owner_at = [spoken[int(np.searchsorted(bounds, k, side="right"))] for k in range(int(bounds[-1]))]
        else:
            counts = [sum(len(p) for p in self._voice.phonemize(" ".join(w.spoken))) for w in words]
            total = sum(len(g) for g in groups)
            shares = np.cumsum(counts) * total / sum(counts)
            owner_at = [int(np.searchsorted(shares, k + 0.5)) for k in range(total)]
        each = iter(owner_at)
        return [-1 if s in _MARKS else next(each) for s in symbols]


def _heard(text: str, voice: str, speed: float) -> list[SpokenWord]:
    """The words of the text, checked; a lone dash or emoji joins the word before it."""
    if voice != _VOICE.name:
        raise NotFoundError(f"no voice {voice!r}", hint=f"voices of piper: {_VOICE.name}", code="unknown_voice")
    if not 0.5 <= speed <= 2:
        raise InputError(f"speed {speed} is out of range", hint="give a speed from 0.5 to 2", code="bad_speed")
    check_english(text)
    words: list[SpokenWord] = []
    silent = ""
    for word in spoken_words(text):
        if word.spoken:
            words.append(SpokenWord(silent + word.written, word.spoken))
            silent = ""
        elif words:
            words[-1] = SpokenWord(f"{words[-1].written} {word.written}", words[-1].spoken)
        else:
            silent += word.written + " "
    if not words:
        raise InputError("the text has no word to speak", hint="give a sentence in English", code="no_words")
    return words

"""Whisper by faster-whisper (CTranslate2), int8 on the CPU: speech to text with word times.

Model: Radford et al. 2022, arXiv:2212.04356. Library: github: SYSTRAN/faster-whisper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.asr.base import AsrEngine, Transcript
from spinbot.engines.base import Progress
from spinbot.errors import ModelError
from spinbot.media.audio import resample
from spinbot.media.timing import Word

RATE = 16000
SHORTEST = 1500
"""Steps of 10 ms that the model hears at least. Its encoder's work grows with the steps; 30 s (3000) for every
sentence costs 0.39 s on two cores, 15 s 0.21 s, and 61 sentences are heard as well. Below 10 s it repeats itself."""
UNLIKELY, REPEATED = -1.0, 2.4
"""Mean logarithm of a token's likelihood and ratio of compression beyond which the model does not know what it hears:
Whisper's own (Radford et al. 2022, section 4.5). Of 60 English prompts the worst had -0.8, of 60 with much noise one
-1.1; of Italian ones the middle one -1.3."""
MARGIN = 200
"""Steps of silence after the sound, by which the model knows that it is over."""


class WhisperTinyEngine(AsrEngine):
    """The quick one: English only."""

    name: ClassVar[str] = "whisper-tiny.en"
    requires: ClassVar[tuple[str, ...]] = ("whisper-tiny.en",)

    _model: Any = None

    def load(self, progress: Progress) -> None:
        """Open the model. Raises `ModelError` where its files cannot be read."""
        from faster_whisper import WhisperModel

        progress(0.0, f"loading {self.name}")
        folder = self.models(self.requires[0])
        kind, _, index = self.device.partition(":")
        try:
            self._model = _shorter_window(WhisperModel)(
                str(folder),
                device=kind,
                device_index=int(index or 0),
                compute_type="int8",
                cpu_threads=self.threads,
                local_files_only=True,
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"{self.name} cannot be loaded from {folder.name}: {error}",
                hint=f"install the model anew: spinbot models pull {self.requires[0]}",
            ) from error
        progress(1.0, f"{self.name} is ready")

    def unload(self) -> None:
        """Drop the model."""
        self._model = None

    def transcribe(self, samples: npt.NDArray[np.float32], sample_rate: int, progress: Progress) -> Transcript:
        """See `AsrEngine.transcribe`. Works in windows of 15 to 30 s, however short the sound."""
        progress(0.0, "listening")
        seconds = samples.size / sample_rate
        if samples.size == 0 or not np.any(samples):
            return Transcript("", (), "en")
        segments, _ = self._model.transcribe(
            resample(samples, sample_rate, RATE),
            # what the voices speak; left to find out, it takes accented English for another language
            language="en",
            beam_size=1,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        text = ""
        words: list[Word] = []
        likelihood, tokens, repeated = 0.0, 0, False
        for segment in segments:
            text += segment.text
            likelihood += segment.avg_logprob * len(segment.tokens)
            tokens += len(segment.tokens)
            repeated = repeated or segment.compression_ratio > REPEATED
            for heard in segment.words or ():
                start, end = min(float(heard.start), seconds), min(float(heard.end), seconds)
                if words and not heard.word.startswith(" "):
                    # the rest of "9:32" or "$42.50", which the tokenizer cuts in two
                    words[-1] = Word(text=words[-1].text + heard.word, start=words[-1].start, end=end)
                else:
                    words.append(Word(text=heard.word.strip(), start=start, end=end))
            progress(min(segment.end / seconds, 1.0), "listening")
        doubtful = repeated or likelihood < UNLIKELY * tokens
        return Transcript(text.strip(), tuple(words), "en", doubtful)


class WhisperBaseEngine(WhisperTinyEngine):
    """Slower and more exact, and tells 99 languages apart."""

    name: ClassVar[str] = "whisper-base"
    requires: ClassVar[tuple[str, ...]] = ("whisper-base",)

    def languages(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Mapping[str, float]:
        """See `AsrEngine.languages`. Listens to the first 30 s."""
        _, _, likely = self._model.detect_language(audio=resample(samples, sample_rate, RATE))
        return dict(likely)


def _shorter_window(model: type[Any]) -> type[Any]:
    """The class `WhisperModel` with an encoder that spares itself most of the silence after a short sound."""

    class ShorterWindow(model):  # type: ignore[misc]
        def encode(self, features: npt.NDArray[np.float32]) -> Any:
            """Of the log-mel steps (mels, 3000); those past the end of the sound are all zero."""
            heard = np.flatnonzero(features.any(axis=0))
            steps = max(SHORTEST, int(heard[-1]) + 1 + MARGIN if heard.size else 0)
            return super().encode(features[:, : steps + steps % 2])  # the encoder halves them

    return ShorterWindow

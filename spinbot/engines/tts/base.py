"""The slot `tts`: text becomes speech with the time of every phoneme and word."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Progress, Slot
from spinbot.media.timing import Timing


@dataclass(frozen=True)
class Voice:
    """A voice that an engine offers."""

    name: str
    language: str
    """BCP-47, such as `en-US`."""
    description: str


@dataclass(frozen=True)
class Spoken:
    """One utterance. `samples` is mono float32 in -1..1, shape (n,)."""

    samples: npt.NDArray[np.float32]
    sample_rate: int
    timing: Timing


class TtsEngine(Engine):
    """Speaks text."""

    slot: ClassVar[Slot] = "tts"

    @classmethod
    @abstractmethod
    def voices(cls) -> tuple[Voice, ...]:
        """The voices on offer, the default first. Answers without weights."""

    @abstractmethod
    def speak(self, text: str, *, voice: str, speed: float, seed: int, progress: Progress) -> Spoken:
        """Speak one sentence (at most some 400 characters). `speed` in 0.5..2, 1 is natural.

        Where the engine draws no random numbers, `seed` varies the delivery a little instead (0 is the
        plain one), so that a misread sentence can be tried again. Numbers, dates, currency and
        abbreviations are read out as words. Raises `InputError` for a text without a word to speak and
        `NotFoundError` for an unknown voice, naming those there are.
        """

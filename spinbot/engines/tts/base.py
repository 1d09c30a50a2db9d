"""The slot `tts`: text becomes speech with the time of every phoneme and word."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Progress, Slot
from spinbot.errors import InputError
from spinbot.media.timing import Timing


@dataclass(frozen=True)
class Voice:
    """A voice that an engine offers."""

    name: str
    language: str
    """BCP-47, such as `en-US`."""
    description: str
    """For people; it begins with `male` or `female`."""


ANY = "any:"
VOICE = "A voice of `spinbot voices`, or any:female or any:male; empty: the engine's first"
"""What parameters that name a voice take, see `TtsEngine.named`."""


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

    @classmethod
    def named(cls, voice: str) -> str:
        """The voice that a parameter of the kind `VOICE` means: the engine's first where none fits. Raises nothing."""
        offered = cls.voices()
        if not voice.startswith(ANY):
            return voice or offered[0].name
        wanted = voice.removeprefix(ANY)
        return next((one.name for one in offered if one.description.startswith(wanted)), offered[0].name)

    def bring(self, voice: Path) -> str:
        """Take in a voice that was trained for this engine (trained.py); answers the name by which it then speaks.

        Raises `InputError` (`no_trained_voices`) where the engine's voices cannot be trained.
        """
        raise InputError(
            f"{self.name} speaks with stock voices only",
            hint="use another engine: tts=kokoro",
            code="no_trained_voices",
        )

    @abstractmethod
    def speak(self, text: str, *, voice: str, speed: float, seed: int, progress: Progress) -> Spoken:
        """Speak one sentence (at most some 400 characters). `speed` in 0.5..2, 1 is natural.

        Where the engine draws no random numbers, `seed` varies the delivery a little instead (0 is the
        plain one), so that a misread sentence can be tried again. Numbers, dates, currency and
        abbreviations are read out as words. Raises `InputError` for a text without a word to speak and
        `NotFoundError` for an unknown voice, naming those there are.
        """

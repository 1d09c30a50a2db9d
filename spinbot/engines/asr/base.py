"""The slot `asr`: speech becomes text with word times."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Progress, Slot
from spinbot.media.timing import Word


@dataclass(frozen=True)
class Transcript:
    """What was heard."""

    text: str
    words: tuple[Word, ...]
    language: str
    """BCP-47 primary tag, such as `en`."""
    doubtful: bool = False
    """Whether the words are guesses: what was heard is another language, music or noise."""


class AsrEngine(Engine):
    """Writes down what it hears."""

    slot: ClassVar[Slot] = "asr"

    @abstractmethod
    def transcribe(self, samples: npt.NDArray[np.float32], sample_rate: int, progress: Progress) -> Transcript:
        """`samples`: mono float32 in -1..1, shape (n,), at any sample rate."""

    def languages(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Mapping[str, float]:
        """How likely it is that each language is spoken, by its tag; empty from an engine that knows only one."""
        return {}

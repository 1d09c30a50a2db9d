"""The slot `voice_trainer`: recordings become a voice that a speech engine speaks with."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Slot
from spinbot.engines.voice_trainer.settings import VoiceSettings

Samples = npt.NDArray[np.float32]
Hear = Callable[[Samples, int], str]
"""What a recogniser understands of mono sound at a rate in Hz."""


@dataclass(frozen=True)
class Recording:
    """A clip in which the person speaks: mono, shape (n,), in -1..1."""

    samples: Samples
    rate: int


@dataclass(frozen=True)
class Evaluation:
    """How a voice was after some steps, on sentences that it is not fitted with."""

    step: int
    similarity: float
    """To clips that it is not fitted to: -1..1, see `speaker.similarity`."""
    word_error: float
    """Share of the words that are not understood."""


@dataclass(frozen=True)
class TrainedVoice:
    """What came of a training."""

    file: str
    """What `VoiceWatch.keep` answered."""
    start: str
    """The stock voice it began with."""
    best: Evaluation
    evaluations: list[Evaluation]
    """The first one is of the stock voice."""
    losses: list[tuple[int, float]]
    before: Samples
    after: Samples
    """One sentence spoken by the stock voice and by the new one."""
    rate: int


class VoiceWatch(Protocol):
    """Who follows a training."""

    def progress(self, fraction: float, message: str) -> None:
        """Called at every step. Raises `CancelledError` when the work is to stop."""
        ...

    def keep(self, file: Path) -> str:
        """Store a file for good; the answer stands for it from now on."""
        ...

    def checkpoint(self, file: Path, step: int) -> None:
        """Store how far it came. Raises `StorageError`; what was stored before is still there then."""
        ...

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """`loss` and `learning_rate` after a step, some 200 times at most, see `curve.live`."""
        ...

    def evaluated(self, evaluation: Evaluation) -> None:
        """How the voice is now."""
        ...

    def spoken(self, step: int, samples: Samples, rate: int) -> None:
        """How the best voice so far says one sentence, always the same; at step 0 it is the stock voice."""
        ...


class VoiceTrainer(Engine):
    """Trains voices."""

    slot: ClassVar[Slot] = "voice_trainer"
    speaks_with: ClassVar[str]
    """The speech engine that its voices are for."""

    @abstractmethod
    def train(
        self,
        recordings: Sequence[Recording],
        settings: VoiceSettings,
        folder: Path,
        watch: VoiceWatch,
        hear: Hear,
        resume: Path | None,
        weights: str = "",
    ) -> TrainedVoice:
        """Learn from recordings; files are made in `folder`. `resume` is a checkpoint of the same training.

        Resumed, it ends with the same voice, to the bit on a CPU with as many threads. `weights` is the digest of the
        speech engine's model, for the file's header. Raises `InputError` for settings that cannot be, or recordings
        without speech; `NodeError` (`loss_not_finite`) where the loss is no number any more.
        """

"""The slot `lora_trainer`: pictures become a LoRA."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Slot
from spinbot.engines.lora_trainer.settings import LookSettings

Pixels = npt.NDArray[np.uint8]
"""RGB of shape (h, w, 3)."""


@dataclass(frozen=True)
class Example:
    """A picture to learn from and what it shows, in words; empty where nobody has said.

    It is read when it is needed, and once: 500 photos would be some 5 GB.
    """

    read: Callable[[], Pixels]
    caption: str = ""


@dataclass(frozen=True)
class Base:
    """The model that is trained on."""

    name: str
    digest: str
    """Of its weights; empty where nobody asked for it."""


@dataclass(frozen=True)
class Version:
    """The weights after some steps, in both common layouts of files."""

    step: int
    score: float
    """How like the pictures its samples are, and others are not; more is better."""
    diffusers: str
    kohya: str
    """Whatever `Watch.keep` answered for the files."""


@dataclass(frozen=True)
class Trained:
    """What came of a training. Losses are means over the steps since the last point."""

    best: Version
    kept: list[Version]
    losses: list[tuple[int, float]]
    stopped_at: int


class Watch(Protocol):
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

    def sampled(self, step: int, score: float, pictures: Sequence[Pixels]) -> None:
        """Samples on the way, one for each prompt."""
        ...


class LookTrainer(Engine):
    """Trains LoRAs."""

    slot: ClassVar[Slot] = "lora_trainer"

    @abstractmethod
    def train(
        self,
        examples: Sequence[Example],
        settings: LookSettings,
        folder: Path,
        watch: Watch,
        resume: Path | None,
        weights: str = "",
    ) -> Trained:
        """Learn from the examples; files are made in `folder`. `resume` is a checkpoint of the same training.

        `weights` is the digest of the base model, for the files' headers.

        Resumed, it ends with the same weights, to the bit on a CPU with as many threads.

        Raises `InputError` for settings that the model or the machine does not take, `NodeError`
        (`loss_not_finite`) where the loss is no number any more.
        """

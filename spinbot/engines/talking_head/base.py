"""The slot `talking_head`: a still portrait becomes frames that speak."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Progress, Slot
from spinbot.engines.face.base import FaceMesh
from spinbot.media.timing import Timing


@dataclass(frozen=True)
class Performance:
    """What is to be performed: the sound, its timing and how lively to be."""

    samples: npt.NDArray[np.float32]
    """Mono float32 in -1..1, shape (n,)."""
    sample_rate: int
    timing: Timing
    """Phonemes where the synthesiser gave them, else words alone."""
    fps: int = 25
    seed: int = 0
    sway: float = 1.0
    """Head movement: 0 holds still, 1 is slight, 2 is lively."""
    blinks: bool = True

    @property
    def frames(self) -> int:
        """Frames that cover the sound: the last one may run past it by less than a frame."""
        return max(1, -(-len(self.samples) * self.fps // self.sample_rate))


class TalkingHeadEngine(Engine):
    """Animates portraits."""

    slot: ClassVar[Slot] = "talking_head"

    @abstractmethod
    def animate(
        self,
        portrait: npt.NDArray[np.uint8],
        mesh: FaceMesh,
        performance: Performance,
        progress: Progress,
        *,
        first: int = 0,
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the RGB frames `first` to `performance.frames` of the portrait's shape (h, w, 3), in order.

        Frames are made one at a time, so a long video never sits in memory.
        """

"""The slot `upscale`: a small picture becomes a large, sharp one."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Progress, Slot


class UpscaleEngine(Engine):
    """Enlarges pictures."""

    slot: ClassVar[Slot] = "upscale"
    scales: ClassVar[tuple[int, ...]]
    """Factors it offers, ascending."""

    @abstractmethod
    def upscale(self, image: npt.NDArray[np.uint8], scale: int, progress: Progress) -> npt.NDArray[np.uint8]:
        """An RGB picture (h, w, 3) `scale` times as large: (h*scale, w*scale, 3)."""

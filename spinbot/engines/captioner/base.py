"""The slot `captioner`: a picture becomes a sentence about it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Progress, Slot


class Captioner(Engine):
    """Says what pictures show."""

    slot: ClassVar[Slot] = "captioner"

    @abstractmethod
    def describe(self, pixels: npt.NDArray[np.uint8], progress: Progress) -> str:
        """What the sRGB picture (h, w, 3) shows, on one line; empty where the model has nothing to say.

        The same picture gives the same words.
        """

"""The slot `image`: words become a picture."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Progress, Slot
from spinbot.errors import InputError

SIDES = (16, 4096)
"""Pixels: the shortest and the longest side of a picture."""


@dataclass(frozen=True)
class Picture:
    """One picture, RGB of shape (h, w, 3), and what its maker wants to say about it."""

    pixels: npt.NDArray[np.uint8]
    notes: tuple[str, ...] = ()


class ImageEngine(Engine):
    """Makes pictures."""

    slot: ClassVar[Slot] = "image"

    @abstractmethod
    def draw(
        self, prompt: str, *, width: int, height: int, seed: int, progress: Progress, look: Path | None = None
    ) -> Picture:
        """A picture of `prompt`; the same seed gives the same picture.

        It has `width` x `height` pixels, or as many as the engine's model makes, which are then to be enlarged and cut.
        `look` is a LoRA in diffusers' layout. Raises `InputError` for what the engine cannot draw.
        """


def require_size(width: int, height: int) -> None:
    """Raises `InputError`, code `bad_size`, for a picture with a side out of `SIDES`."""
    least, most = SIDES
    if not least <= min(width, height) <= max(width, height) <= most:
        raise InputError(
            f"{width}x{height} is no size for a picture", hint=f"sides from {least} to {most} pixels", code="bad_size"
        )

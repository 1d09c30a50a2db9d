"""What a mouth can do, as a handful of numbers: the language between the sound and the picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Shape(NamedTuple):
    """A mouth shape; each number is 0..1 save `wide`. All zero is a mouth at rest, lips together."""

    open: float = 0.0
    """Gap between the lips; 1 is a loud "ah"."""
    wide: float = 0.0
    """-1..1: corners drawn in or spread, as in "ee"."""
    round: float = 0.0
    """Lips pushed forward into a ring, as in "oo"."""
    press: float = 0.0
    """Lips pressed together and rolled in, as in "m"."""
    tuck: float = 0.0
    """Lower lip against the upper teeth, as in "f"."""
    teeth: float = 0.0
    """How much of the upper teeth shows where the lips part."""
    tongue: float = 0.0
    """Tip of the tongue raised, as in "th" and "l"."""


REST = Shape()
SIZE = len(REST)
Track = npt.NDArray[np.float32]
"""Shapes over time: (frames, `SIZE`), the columns in `Shape`'s order."""

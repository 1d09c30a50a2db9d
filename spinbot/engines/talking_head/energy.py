"""How loud a recording is over time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WINDOW = 0.12
"""Seconds over which loudness is averaged: jaws do not follow faster."""


def envelope(samples: npt.NDArray[np.float32], sample_rate: int, rate: int, steps: int) -> npt.NDArray[np.float32]:
    """Root mean square around each of `steps` instants, `rate` a second; 1 is the loudness of stressed vowels.

    The scale is the 95th percentile of what is not silence, so quiet and loud recordings move the mouth alike; a
    recording that stays below -60 dBFS is silent throughout.
    """
    square = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    centre = np.arange(steps) * sample_rate / rate
    half = WINDOW * sample_rate / 2
    low, high = (np.clip(centre + d, 0, len(samples)).astype(int) for d in (-half, half))
    level = np.sqrt((square[high] - square[low]) / max(1.0, 2 * half))
    heard = level[level > 1e-3]
    if not len(heard):
        return np.zeros(steps, np.float32)
    return np.asarray(np.clip(level / np.percentile(heard, 95), 0, 1.2), np.float32)

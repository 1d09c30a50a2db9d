"""Blinks: the skin between brow and lid stretches down over the eye. Everything is in face units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import Eye

Floats = npt.NDArray[np.float32]


FREE = 0.55
"""The part of the skin between brow and lid that stretches; the rest is the rim with its lashes."""


def box(eye: Eye) -> tuple[Floats, Floats]:
    """Corners of what a blink can change."""
    low = np.array([eye.upper.x[0], eye.upper.y.min() - eye.brow], np.float32)
    high = np.array([eye.upper.x[-1], eye.lower.y.max()], np.float32)
    return low, high


def close(eye: Eye, at: Floats, closure: float, pixel: float) -> tuple[Floats, Floats, Floats]:
    """Where the lid's skin at points (h, w, 2) comes from, how much of each point it covers, how much it is stretched.

    The latter two are (h, w) in 0..1.

    The rim of the lid with its lashes sinks as it is; the skin from there to the brow stretches evenly.
    """
    x, y = at[..., 0], at[..., 1]
    edge = eye.upper(x)
    drop = closure * np.maximum(0, eye.lower(x) - edge)
    rim = (1 - FREE) * eye.brow
    brow = edge - eye.brow
    stretch = (FREE * eye.brow + drop) / (FREE * eye.brow)
    lid = np.where(y > edge - rim + drop, y - drop, brow + (y - brow) / stretch)
    lid = np.where(y < brow, y, lid)
    cover = np.clip((edge + drop - y) / pixel + 0.5, 0, 1) * (drop > 0.25 * pixel)
    taut = np.clip((stretch - 1) / 0.5, 0, 1) * np.clip((edge - rim + drop - y) / (0.15 * eye.brow), 0, 1)
    taut = taut * np.clip((y - brow) / (0.15 * eye.brow), 0, 1)
    return np.stack([x, lid], axis=-1).astype(np.float32), cover.astype(np.float32), taut.astype(np.float32)

"""Blinks: the skin between brow and lid stretches down over the eye. Everything is in face units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import Eye

Floats = npt.NDArray[np.float32]


def box(eye: Eye) -> tuple[Floats, Floats]:
    """Corners of what a blink can change."""
    low = np.array([eye.upper.x[0], eye.upper.y.min() - eye.brow], np.float32)
    high = np.array([eye.upper.x[-1], eye.lower.y.max()], np.float32)
    return low, high


def close(eye: Eye, at: Floats, closure: float, pixel: float) -> tuple[Floats, Floats]:
    """Where the lid's skin at points (h, w, 2) comes from, and how much of each point it covers, (h, w) in 0..1.

    Seen from the brow (0) to the edge of the lid (1), a point w sinks by r w^2, where r is the drop of the edge over
    the height of the free skin: the brow stays, the lid itself moves in full. The inverse is the root of a quadratic.
    """
    x, y = at[..., 0], at[..., 1]
    edge = eye.upper(x)
    drop = closure * np.maximum(0, eye.lower(x) - edge)
    ratio = drop / eye.brow
    reach = (y - edge) / eye.brow + 1  # 0 at the brow, 1 at the lid's edge in the portrait
    above = np.clip(reach, 0, 1 + ratio)
    root = (np.sqrt(1 + 4 * ratio * above) - 1) / np.maximum(2 * ratio, 1e-6)
    came = np.where(ratio > 1e-4, root, above)
    lid = np.where(reach < 0, y, edge + (came - 1) * eye.brow)
    cover = np.clip((edge + drop - y) / pixel + 0.5, 0, 1) * (drop > 0.25 * pixel)
    return np.stack([x, lid], axis=-1).astype(np.float32), cover.astype(np.float32)

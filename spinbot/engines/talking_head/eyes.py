"""Blinks: the skin between brow and lid comes down over the eye. Everything is in face units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import Eye

Floats = npt.NDArray[np.floating]

LINE = 0.007
"""Half the thickness of the line that stands for the lashes where a drawing has none."""


@dataclass(frozen=True)
class Lid:
    """A lid on its way down, for points of shape (h, w)."""

    source: Floats
    """Where the lid's skin comes from, (h, w, 2)."""
    cover: Floats
    """Share of each point that the lid covers."""
    taut: Floats
    """0..1: how much the skin is stretched."""
    line: Floats
    """0..1: a line to be drawn along the edge."""


def box(eye: Eye) -> tuple[Floats, Floats]:
    """Corners of what a blink can change."""
    low = np.array([eye.upper.x[0], eye.upper.y.min() - eye.brow], np.float32)
    high = np.array([eye.upper.x[-1], eye.lower.y.max() + 2 * LINE], np.float32)
    return low, high


def close(eye: Eye, at: Floats, closure: float, pixel: float) -> Lid:
    """The lid at points (h, w, 2) when it is down by `closure` in 0..1.

    The rim with its lashes sinks as it is; the skin from there to the brow stretches evenly. Where a drawing has no
    lashes the lid takes the skin's colour just above the eye, and its edge is drawn as a line.
    """
    x, y = at[..., 0], at[..., 1]
    edge = eye.upper(x)
    drop = closure * np.maximum(0, eye.lower(x) - edge)
    down = (drop > 0.25 * pixel) & (x >= eye.upper.x[0]) & (x <= eye.upper.x[-1])
    cover = np.clip((edge + drop - y) / pixel + 0.5, 0, 1) * down
    if eye.rim == 0:
        cover = cover * np.clip((y - edge) / pixel + 1, 0, 1)
        centre = (eye.upper.x[0] + eye.upper.x[-1]) / 2
        skin = np.stack([centre + 0.3 * (x - centre), np.full_like(y, eye.upper.y.min() - 0.5 * eye.brow)], axis=-1)
        away = np.abs(y - edge - drop) / LINE
        line = np.clip((1 - away) * LINE / pixel + 0.5, 0, 1) * down * closure
        return Lid(skin, cover, np.zeros_like(y), line)
    brow = edge - eye.brow
    stretch = 1 + drop / (eye.brow - eye.rim)
    lid = np.where(y > edge - eye.rim + drop, y - drop, brow + (y - brow) / stretch)
    lid = np.where(y < brow, y, lid)
    taut = np.clip((stretch - 1) / 0.5, 0, 1) * np.clip((edge - eye.rim + drop - y) / (0.15 * eye.brow), 0, 1)
    taut = taut * np.clip((y - brow) / (0.15 * eye.brow), 0, 1)
    return Lid(np.stack([x, lid], axis=-1).astype(np.float32), cover, taut, np.zeros_like(y))

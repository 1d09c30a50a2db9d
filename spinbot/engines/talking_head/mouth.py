"""What shows between the lips: cavity, teeth and tongue, lit like the portrait. Everything is in face units."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import Anatomy, Curve
from spinbot.engines.talking_head.shape import Shape

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

TOOTH = 0.043
"""Width of an upper incisor."""
PARTED = 0.03
"""A mouth whose lips are this far apart in the portrait shows its own inside."""


@dataclass(frozen=True)
class Palette:
    """Colours of a portrait's mouth, RGB in 0..255, shape (3,)."""

    cavity: Floats
    teeth: Floats
    tongue: Floats
    relief: float
    """1 where light falls as in a photo, 0 in a drawing of flat colours."""


def palette_of(portrait: Picture, anatomy: Anatomy) -> Palette:
    """Take light and tint from cheeks and lips."""
    near = _crop(portrait, anatomy, 128)
    skin = np.median(near[_ring(near.shape)], axis=0).astype(np.float32)
    light = float(skin.max())
    flat = np.abs(cv2.Laplacian(near, cv2.CV_32F)).max(axis=2)
    relief = float(np.clip(np.percentile(flat, 60) / 3.0, 0, 1))
    warm = skin / max(1.0, light)
    level = np.clip(0.45 + 0.6 * light / 255, 0, 1)
    return Palette(
        cavity=np.array([62, 20, 20], np.float32) * (0.55 + 0.45 * level),
        teeth=np.array([246, 240, 230], np.float32) * level * (0.8 + 0.2 * warm),
        tongue=np.array([186, 84, 86], np.float32) * level,
        relief=relief,
    )


class Inside:
    """Paints the inside of one portrait's mouth."""

    def __init__(self, portrait: Picture, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self.palette = palette_of(portrait, anatomy)
        self.own = anatomy.gap > PARTED
        """Whether the portrait shows teeth or cavity itself."""

    def paint(self, at: Floats, upper: Curve, lower: Curve, shape: Shape, own: Picture, jaw: float) -> Floats:
        """Colours (h, w, 3) in 0..255 at points (h, w, 2), of which those between the curves will show.

        `own`: the portrait at these points, the skull at rest. `jaw`: drop of the lower teeth.
        """
        x, y = at[..., 0], at[..., 1]
        face, colours = self.anatomy, self.palette
        top, bottom = upper(x), lower(x)
        gap = float((lower.y - upper(lower.x)).max())
        left, right = face.half_widths
        along = np.where(x < 0, x / left, x / right)
        pixel = 1 / face.frame.height
        rest = 0.55 * face.upper(0 * x) + 0.45 * face.lower(0 * x)  # where closed lips meet, at the middle

        depth = np.clip((y - top) / max(gap, pixel), 0, 1)
        colour = colours.cavity * (0.6 + 0.55 * depth)[..., None]

        # the tongue rests behind the lower lip; its tip comes up for "l" and "th"
        rise = 0.45 * gap + 0.035 * shape.tongue - 0.012
        crown = bottom + 0.02 - (rise + 0.02) * np.sqrt(np.clip(1 - (along / 0.72) ** 2, 0, 1))
        tongue = _edge((y - crown) / pixel / 2) * np.clip(gap / 0.03, 0, 1)
        shade = (0.62 + 0.38 * np.clip((y - crown) / 0.05, 0, 1)) * (0.75 + 0.25 * np.clip(gap / 0.08, 0, 1))
        colour = _mix(colour, colours.tongue * shade[..., None], tongue * (0.55 + 0.45 * shape.tongue))

        # lower teeth peep over the lower lip
        crest = bottom - 0.011 * shape.teeth * (1 - along**2)
        row = _edge((y - crest) / pixel) * (1 - np.clip((np.abs(along) - 0.5) / 0.2, 0, 1))
        colour = _mix(colour, colours.teeth * 0.68, row * np.clip(gap / 0.03 - 0.6, 0, 1))

        # upper teeth hang from the skull, whatever the lips do
        edge = rest - 0.008 + 0.036 * shape.teeth - 0.022 * along**2
        scallop = 0.0025 * np.cos(2 * np.pi * x / TOOTH) ** 2 * colours.relief
        teeth = _edge((edge - scallop - y) / pixel) * (1 - np.clip((np.abs(along) - 0.66) / 0.16, 0, 1))
        cleft = np.exp(-0.5 * (((x + TOOTH / 2) % TOOTH - TOOTH / 2) / 0.0022) ** 2)
        light = 1 - 0.4 * along**2 - 0.10 * colours.relief * cleft
        light = light * (1 - 0.3 * colours.relief * np.exp(-np.maximum(0, y - top) / 0.008))
        if self.own:
            inside = _edge((y - face.upper(x)) / pixel - 0.5) * _edge((face.lower(x) - y) / pixel - 0.5)
            shown = rest + (0.25 + 0.75 * shape.teeth) * (face.lower(x) - rest)
            colour = _mix(colour, own.astype(np.float32), inside * _edge((shown - y) / pixel / 2))
        else:
            colour = _mix(colour, colours.teeth * light[..., None], teeth)

        # the lips shade what is behind them
        rim = np.minimum(y - top, bottom - y)
        return (colour * (0.72 + 0.28 * np.clip(rim / 0.012, 0, 1))[..., None]).astype(np.float32)


def _edge(x: Floats) -> Floats:
    """Coverage of a pixel whose centre is `x` pixels inside an edge."""
    return np.clip(x + 0.5, 0, 1)


def _mix(under: Floats, over: Floats, cover: Floats) -> Floats:
    return under + (over - under) * cover[..., None]


def _crop(portrait: Picture, anatomy: Anatomy, side: int) -> Picture:
    """The lower face, upright, `side` pixels square, half a face height wide."""
    step = np.linspace(-0.25, 0.25, side, dtype=np.float32)
    place = anatomy.frame.to_picture(np.stack(np.meshgrid(step, step), axis=-1))
    return cv2.remap(portrait, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _ring(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Cheeks and chin around the mouth."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return (np.abs(x) > 0.85) & (np.abs(y) < 0.5)

"""What shows between the lips: cavity, teeth and tongue, lit like the portrait. Everything is in face units."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import Anatomy, Curve
from spinbot.engines.talking_head.shape import Shape

Floats = npt.NDArray[np.floating]
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
    cavity = np.array([62, 20, 20], np.float32) * (0.55 + 0.45 * level)
    if anatomy.gap > PARTED:  # a drawn opening is of one dark colour: go on with it
        drawn = _darker_half(portrait, anatomy)
        if float(drawn.max()) < 0.45 * light:
            cavity = drawn
    return Palette(
        cavity=cavity,
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

    def paint(self, at: Floats, upper: Curve, lower: Curve, shape: Shape, own: Picture) -> Floats:
        """Colours (h, w, 3) in 0..255 at points (h, w, 2), of which those between the curves will show.

        `own`: the portrait at these points, the skull at rest.
        """
        x, y = at[..., 0], at[..., 1]
        face, colours = self.anatomy, self.palette
        top, bottom = upper(x), lower(x)
        gap = float((lower.y - upper(lower.x)).max())
        left, right = face.half_widths
        along = np.where(x < 0, x / left, x / right)
        pixel = 1 / face.frame.height

        depth = np.clip((y - top) / max(gap, pixel), 0, 1)
        colour: Floats = colours.cavity * (1 - colours.relief * (0.4 - 0.55 * depth))[..., None]
        tongue, cover = self._tongue(y, along, bottom, gap, shape.tongue)
        colour = _mix(colour, tongue, cover)
        colour = _mix(colour, colours.teeth * 0.75, _lower_teeth(y, along, bottom, gap, shape.teeth, pixel))

        rest = float(0.55 * face.upper(np.zeros(1))[0] + 0.45 * face.lower(np.zeros(1))[0])  # where closed lips meet
        if self.own:
            inside = _edge((y - face.upper(x)) / pixel - 0.5) * _edge((face.lower(x) - y) / pixel - 0.5)
            shown = rest + (0.25 + 0.75 * shape.teeth) * (face.lower(x) - rest)
            colour = _mix(colour, own.astype(np.float32), inside * _edge((shown - y) / pixel / 2))
        else:
            teeth, cover = self._upper_teeth(x, y, along, top, rest - 0.02 * shape.round, shape.teeth)
            colour = _mix(colour, teeth, cover)

        rim = np.minimum(y - top, bottom - y)  # the lips shade what is behind them
        return np.asarray(colour * (0.72 + 0.28 * np.clip(rim / 0.012, 0, 1))[..., None], np.float32)

    def _tongue(self, y: Floats, along: Floats, bottom: Floats, gap: float, tip: float) -> tuple[Floats, Floats]:
        """It rests behind the lower lip; its tip comes up for "l" and "th". Colour and cover."""
        colours = self.palette
        rise = 0.45 * gap + 0.035 * tip - 0.012
        crown = bottom + 0.02 - (rise + 0.02) * np.sqrt(np.clip(1 - (along / 0.72) ** 2, 0, 1))
        shade = (0.62 + 0.38 * np.clip((y - crown) / 0.05, 0, 1)) * (0.75 + 0.25 * np.clip(gap / 0.08, 0, 1))
        cover = _edge((y - crown) * self.anatomy.frame.height / 2) * np.clip(gap / 0.03, 0, 1) * (0.55 + 0.45 * tip)
        if self.own:  # a drawing that shows its mouth has its own idea of tongues
            cover = cover * (0.4 + 0.6 * colours.relief)
        return colours.tongue * shade[..., None], cover

    def _upper_teeth(
        self, x: Floats, y: Floats, along: Floats, top: Floats, rest: float, shown: float
    ) -> tuple[Floats, Floats]:
        """They hang from the skull, whatever the lips do. Colour and cover."""
        relief, pixel = self.palette.relief, 1 / self.anatomy.frame.height
        edge = rest - 0.008 + 0.036 * shown - 0.022 * along**2
        scallop = 0.0014 * np.cos(2 * np.pi * x / TOOTH) ** 2 * relief
        cover = _edge((edge - scallop - y) / pixel) * (1 - np.clip((np.abs(along) - 0.66) / 0.16, 0, 1))
        cleft = np.exp(-0.5 * (((x + TOOTH / 2) % TOOTH - TOOTH / 2) / 0.0022) ** 2)
        light = 1 - 0.4 * along**2 - 0.10 * relief * cleft
        light = light * (1 - 0.3 * relief * np.exp(-np.maximum(0, y - top) / 0.008))
        return self.palette.teeth * light[..., None], cover


def _lower_teeth(y: Floats, along: Floats, bottom: Floats, gap: float, shown: float, pixel: float) -> Floats:
    """They peep over the lower lip while the mouth is not wide open. Cover."""
    crest = bottom - 0.011 * shown * (1 - along**2)
    row = _edge((y - crest) / pixel) * (1 - np.clip((np.abs(along) - 0.5) / 0.2, 0, 1))
    return np.asarray(row * np.clip(gap / 0.03 - 0.6, 0, 1) * np.clip(2.5 - gap / 0.024, 0, 1))


def _darker_half(portrait: Picture, anatomy: Anatomy) -> Floats:
    """Median colour of the darker half of what the portrait shows between its lips."""
    share = np.linspace(0.15, 0.85, 24, dtype=np.float32)[:, None]
    x = np.linspace(0.6 * anatomy.upper.x[0], 0.6 * anatomy.upper.x[-1], 48, dtype=np.float32)
    y = (1 - share) * anatomy.upper(x) + share * anatomy.lower(x)
    place = anatomy.frame.to_picture(np.stack([np.broadcast_to(x, y.shape), y], axis=-1))
    seen = cv2.remap(portrait, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)
    light = seen.max(axis=1)
    return np.asarray(np.median(seen[light <= np.median(light)], axis=0), np.float32)


def _edge(x: Floats) -> Floats:
    """Coverage of a pixel whose centre is `x` pixels inside an edge."""
    return np.asarray(np.clip(x + 0.5, 0, 1))


def _mix(under: Floats, over: Floats, cover: Floats) -> Floats:
    return under + (over - under) * cover[..., None]


def _crop(portrait: Picture, anatomy: Anatomy, side: int) -> Picture:
    """The lower face, upright, `side` pixels square, half a face height wide."""
    step = np.linspace(-0.25, 0.25, side, dtype=np.float32)
    place = anatomy.frame.to_picture(np.stack(np.meshgrid(step, step), axis=-1))
    found = cv2.remap(portrait, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def _ring(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Cheeks and chin around the mouth."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return np.asarray((np.abs(x) > 0.85) & (np.abs(y) < 0.5))

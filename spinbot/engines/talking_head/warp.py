"""Displacement fields: how the skin of a face follows its mouth. Everything is in face units (see `anatomy`).

Skin above the gap between the lips and skin below it move apart, so there are two fields, equal beside the mouth. Each
is a fixed weighted sum of basis fields, computed once on a coarse grid. A frame of the video asks where in the portrait
a point comes from: the inverse field, found by fixed-point iteration (Chen et al., "A simple fixed-point approach to
invert a deformation field", Medical Physics 35, 2008).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import Anatomy, Curve
from spinbot.engines.talking_head.shape import Shape

Floats = npt.NDArray[np.floating]

GAP = 0.118
"""Widest gap between the lips, in face heights."""
UPPER_SHARE = 0.16
"""The upper lip's part in opening; the jaw does the rest."""
CLOSING_SHARE = 0.45
"""The upper lip's part in closing a mouth that is open in the portrait."""
NODES = 72
"""Grid cells a face height: lips are a few cells thick."""
LEFT, RIGHT, ABOVE, BELOW = 0.85, 0.85, 0.7, 0.72
"""Extent of the fields around the middle of the mouth; they are zero from there on."""


def smooth(x: Floats) -> Floats:
    """0 below 0, 1 above 1, a smooth step between (with continuous curvature)."""
    t = np.clip(x, 0, 1)
    return t * t * t * (t * (t * 6 - 15) + 10)


def bell(x: Floats) -> Floats:
    """1 at 0, smoothly to exactly 0 at +-1."""
    return 1 - smooth(np.abs(x))


@dataclass(frozen=True)
class Pose:
    """Weights of the basis fields for one frame."""

    gap: float
    """Gap between the lips at the middle."""
    jaw: float
    """Drop of the chin."""
    spread: float
    """Relative widening of the mouth; negative narrows it."""
    pout: float
    """Relative thickening of both lips; negative rolls them in."""
    lower_pout: float
    """The same of the lower lip alone."""
    lift: float
    """Extra rise of the upper lip."""
    close: float
    """1 undoes the gap that the portrait has."""
    brows: float
    """Rise of the eyebrows."""
    level: float
    """1 takes the corners of a smile down to the height of its middle."""


def pose_of(shape: Shape, brows: float) -> Pose:
    """What a mouth shape means for skin and bone."""
    gap = GAP * shape.open
    return Pose(
        gap=gap,
        jaw=0.52 * gap * (1 - 0.5 * shape.round) - 0.004 * shape.press,
        spread=0.11 * shape.wide - 0.34 * shape.round - 0.07 * shape.open * (1 - max(0.0, shape.wide)),
        pout=0.30 * shape.round - 0.30 * shape.press - 0.10 * max(0.0, shape.wide),
        lower_pout=-0.40 * shape.tuck,
        lift=0.012 * shape.tuck + 0.22 * gap * shape.round,
        close=1.0,
        brows=brows,
        level=shape.round,
    )


class Fields:
    """Both displacement fields of a face, over a grid of face units."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self.origin = np.array([-LEFT, -ABOVE], np.float32)
        x = np.arange(-LEFT, RIGHT + 1e-6, 1 / NODES, dtype=np.float32)
        y = np.arange(-ABOVE, BELOW + 1e-6, 1 / NODES, dtype=np.float32)
        self.upper_basis, self.lower_basis = self._basis(*np.meshgrid(x, y))

    def forward(self, pose: Pose) -> tuple[Floats, Floats]:
        """Displacements of the portrait's skin, above and below the lips, each (rows, columns, 2)."""
        weights = np.array(astuple(pose), np.float32)
        return np.tensordot(weights, self.upper_basis, 1), np.tensordot(weights, self.lower_basis, 1)

    def sample(self, field: Floats, at: Floats) -> Floats:
        """Values of a field at points (h, w, 2); zero outside the grid."""
        place = (at - self.origin) * NODES
        return np.asarray(cv2.remap(field, place, None, cv2.INTER_LINEAR), np.float32)

    def source(self, field: Floats, at: Floats, steps: int = 5) -> Floats:
        """Where in the portrait the points `at` (h, w, 2) come from. Converges as no field is steeper than 0.6."""
        found = at
        for _ in range(steps):
            found = at - self.sample(field, found)
        return found

    def source_of_both(self, upper: Floats, lower: Floats, at: Floats, steps: int = 5) -> Floats:
        """As `source`, with the upper field above the lips' line and the lower one below it: half the work."""
        both = np.concatenate([upper, lower])
        rows, columns = upper.shape[:2]
        seam = (self.anatomy.upper(at[..., 0]) + self.anatomy.lower(at[..., 0])) / 2
        side = np.where(at[..., 1] < seam, 0, rows).astype(np.float32)
        limit = np.array([columns - 1, rows - 1], np.float32)
        found = at
        for _ in range(steps):
            place = np.clip((found - self.origin) * NODES, 0, limit)
            place[..., 1] += side
            found = at - cv2.remap(both, place, None, cv2.INTER_LINEAR)
        return found

    def lips(self, pose: Pose) -> tuple[Curve, Curve]:
        """The inner edges of the lips after the move, from corner to corner."""
        curves = []
        for edge, field in zip((self.anatomy.upper, self.anatomy.lower), self.forward(pose), strict=True):
            points = np.stack([edge.x, edge.y], axis=1)
            moved = points + self.sample(field, points[None])[0]
            curves.append(Curve(moved[:, 0], moved[:, 1]))
        upper, lower = curves
        low = np.maximum(upper.y, lower(upper.x))
        low[[0, -1]] = upper.y[[0, -1]]
        return upper, Curve(upper.x, low)

    def _basis(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Basis fields above and below the lips, in the order of `Pose`, each (9, rows, columns, 2)."""
        face = self.anatomy
        left, right = face.half_widths
        along = np.where(x < 0, x / left, x / right)  # -1 and 1 at the corners
        above = face.upper(x) - y  # height over the upper lip's edge
        below = y - face.lower(x)
        opening = np.maximum(0, 1 - np.abs(along) ** 2.6)
        own_gap = face.lower(x) - face.upper(x)
        room = 1 - np.maximum(np.abs(x) / LEFT, np.where(y < 0, -y / ABOVE, y / BELOW))
        edge = smooth(4 * room)  # exactly zero at the edge of the grid

        # the upper lip moves as one, the skin up to the nose evens it out
        on_upper = bell((above - face.upper_lip * 0.8) / (face.nose * 1.15 - face.upper_lip * 0.8))
        on_upper = np.where(above < face.upper_lip * 0.8, 1, on_upper)
        # below, the lens of the opening turns into the even drop of the chin, and the neck takes it up
        to_chin = smooth((below - face.lower_lip * 0.6) / (0.9 * face.chin))
        on_lower = 1 - to_chin
        neck = bell(np.maximum(0, y - face.chin) / (BELOW - face.chin))
        jaw = smooth(1.7 - 1.7 * np.abs(x) / 0.66) * smooth((y + 0.12) / (face.chin + 0.12)) * neck
        press_upper = bump(above / face.upper_lip) * face.upper_lip * opening**0.7
        press_lower = bump(below / face.lower_lip) * face.lower_lip * opening**0.7
        reach = bell(x / (1.85 * max(left, right))) * bell(y / 0.24)
        seam = (face.upper(x) + face.lower(x)) / 2
        flatten = (float(seam.max()) - seam) * bell(x / (2.2 * max(left, right))) * bell((y - seam) / 0.2)
        brow = bell((y - float(face.points[[105, 334], 1].mean())) / 0.13) * bell(x / 0.42)
        zero = np.zeros_like(x)

        def stack(vertical: list[Floats]) -> Floats:
            fields = [np.stack([zero, v], axis=-1) for v in vertical]
            fields[2][..., 0] = x * reach
            return (np.stack(fields) * edge[..., None]).astype(np.float32)

        upper = stack([
            -UPPER_SHARE * opening * on_upper,
            jaw * np.minimum(1, along**2),
            zero,
            -press_upper,
            zero,
            -opening * on_upper,
            CLOSING_SHARE * own_gap * on_upper,
            -brow,
            flatten,
        ])  # fmt: skip
        lower = stack([
            (1 - UPPER_SHARE) * opening * on_lower * neck,
            jaw,
            zero,
            press_lower,
            press_lower,
            zero,
            -(1 - CLOSING_SHARE) * own_gap * on_lower,
            -brow,
            flatten,
        ])  # fmt: skip
        return upper, lower


def bump(x: Floats) -> Floats:
    """0 at 0 and below, 1 at 1, back to exactly 0 at 3: the pull on the outer edge of a lip."""
    return np.where(x < 1, smooth(x), bell((x - 1) / 2))

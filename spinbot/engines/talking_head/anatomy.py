"""The face in its own frame: where lips, eyes and chin are, in units of the face's height. Knows nothing of motion.

Point numbers are those of the canonical face model of google-ai-edge/mediapipe (`canonical_face_model.obj`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spinbot.engines.face.base import FaceMesh

Floats = npt.NDArray[np.floating]

INNER_UPPER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
INNER_LOWER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
EYES = (
    ([33, 246, 161, 160, 159, 158, 157, 173, 133], [33, 7, 163, 144, 145, 153, 154, 155, 133], [46, 53, 52, 65, 55]),
    ([362, 398, 384, 385, 386, 387, 388, 466, 263], [362, 382, 381, 380, 374, 373, 390, 249, 263],
     [285, 295, 282, 283, 276]),
)  # fmt: skip
"""Upper lid, lower lid and lower edge of the brow, from left to right of the picture."""
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]  # fmt: skip
TOP, CHIN, NOSE_BASE = 10, 152, 2
CORNERS = (61, 291)


@dataclass(frozen=True)
class Frame:
    """The face's own axes: x along the eyes, y down to the chin, origin between the lips."""

    origin: Floats
    """Picture pixels, shape (2,)."""
    turn: Floats
    """Columns are the face's axes in picture pixels, a face height long: picture = origin + turn @ face."""
    height: float
    """Pixels from forehead to chin: the unit."""

    def to_face(self, points: Floats) -> Floats:
        """Picture pixels (..., 2) in face units."""
        return ((points - self.origin) @ self.turn / self.height**2).astype(np.float32)

    def to_picture(self, points: Floats) -> Floats:
        """Face units (..., 2) in picture pixels."""
        return (points @ self.turn.T + self.origin).astype(np.float32)


def frame_of(mesh: FaceMesh) -> Frame:
    """Axes of a face. Its height is measured along its own vertical, so a lean of the head does not change it."""
    points = mesh.points[:, :2]
    across = points[[133, 362, 263]].mean(axis=0) - points[[33, 133, 362]].mean(axis=0)
    across = across / max(1e-6, float(np.hypot(*across)))
    down = np.array([-across[1], across[0]], np.float32)
    height = float((points[CHIN] - points[TOP]) @ down)
    turn = np.stack([across, down], axis=1) * height
    return Frame(points[[13, 14]].mean(axis=0), turn.astype(np.float32), height)


@dataclass(frozen=True)
class Curve:
    """y over x along the mouth or an eye: a smooth fit through landmarks, constant beyond both ends."""

    x: Floats
    y: Floats

    def __call__(self, x: Floats) -> Floats:
        """Y at x, any shape."""
        return np.interp(x, self.x, self.y).astype(np.float32)


def curve(points: Floats, ends: Floats | None = None, degree: int = 4) -> Curve:
    """Polynomial through landmarks (n, 2) that run from left to right; it meets `ends` (2, 2), or its own."""
    first, last = ends if ends is not None else points[[0, -1]]
    x = np.linspace(first[0], last[0], 49)
    chord = np.interp(points[:, 0], [first[0], last[0]], [first[1], last[1]])
    along = np.clip((points[:, 0] - first[0]) / (last[0] - first[0]), 0, 1)
    t = np.linspace(0, 1, 49)
    terms = range(degree - 1)  # t (1 - t) times a polynomial vanishes at both ends

    def basis(u: Floats) -> Floats:
        return np.stack([u * (1 - u) * u**k for k in terms], axis=1)

    fit, *_ = np.linalg.lstsq(basis(along), points[:, 1] - chord, rcond=None)
    y = basis(t) @ fit + np.interp(x, [first[0], last[0]], [first[1], last[1]])
    return Curve(x.astype(np.float32), y.astype(np.float32))


@dataclass(frozen=True)
class Eye:
    """One eye, in face units."""

    upper: Curve
    lower: Curve
    brow: float
    """Height of what moves above the eye, up to the brow."""
    rim: float
    """The part of it that does not stretch: the edge of the lid with its lashes. 0 where a drawing has no lashes."""


@dataclass(frozen=True)
class Anatomy:
    """All that the animation asks of a face, in face units."""

    frame: Frame
    points: Floats
    """The mesh, (468, 3); z grows away from the viewer."""
    upper: Curve
    """Lower edge of the upper lip."""
    lower: Curve
    """Upper edge of the lower lip."""
    upper_lip: float
    """Thickness of the lips at the middle."""
    lower_lip: float
    half_widths: tuple[float, float]
    """From the middle of the mouth to its left and right corner; they differ when the head is turned."""
    nose: float
    """From lips to nose."""
    chin: float
    """From lips to chin."""
    eyes: tuple[Eye, Eye]

    @property
    def gap(self) -> float:
        """How far the lips are apart in the portrait."""
        return float((self.lower.y - self.upper.y).max())


def anatomy_of(mesh: FaceMesh) -> Anatomy:
    """Measure a face."""
    frame = frame_of(mesh)
    flat = frame.to_face(mesh.points[:, :2])
    points = np.concatenate([flat, mesh.points[:, 2:] / frame.height], axis=1)
    upper_line, lower_line = flat[INNER_UPPER], flat[INNER_LOWER]
    ends = (upper_line[[0, -1]] + flat[list(CORNERS)]) / 2
    upper, lower = curve(upper_line, ends), curve(lower_line, ends)
    middle = np.minimum(upper.y, lower.y)
    low = np.maximum(upper.y, lower.y)
    eyes = []
    for above, below, brow in EYES:
        lid = curve(flat[above], degree=5)
        under = curve(flat[below], flat[[above[0], above[-1]]], degree=5)
        height = float((under.y - lid.y).max())
        free = max(0.8 * height, 0.85 * float(flat[above[4], 1] - flat[brow, 1].mean()))
        eyes.append(Eye(lid, under, free, 0.45 * free))
    return Anatomy(
        frame=frame,
        points=points.astype(np.float32),
        upper=Curve(upper.x, middle),
        lower=Curve(upper.x, low),
        upper_lip=max(0.01, float(flat[13, 1] - flat[0, 1])),
        lower_lip=max(0.01, float(flat[17, 1] - flat[14, 1])),
        half_widths=(max(0.05, -float(ends[0, 0])), max(0.05, float(ends[1, 0]))),
        nose=max(0.05, float(flat[13, 1] - flat[NOSE_BASE, 1])),
        chin=max(0.1, float(flat[CHIN, 1] - flat[14, 1])),
        eyes=(eyes[0], eyes[1]),
    )

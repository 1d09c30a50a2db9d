"""Corrects the mesh by the pixels: it is exact on photos, but only near the truth on drawings.

A drawn eye or mouth is a patch that differs from the even skin around it. Where such a patch stands out clearly, its
outline replaces the landmarks; where it does not (most photos), the mesh is trusted.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import Anatomy, Curve, Eye, curve

Floats = npt.NDArray[np.floating]
Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

DETAIL = 300
"""Pixels a face height at which patches are looked at."""
APART = 60
"""Levels by which a colour channel of an eye differs from the skin."""
CLOSED = 0.03
"""Lips that the mesh sees no further apart than this are closed."""
LINE = 0.045
"""A dark patch no taller than this is a line of closed lips, a taller one an open mouth."""


def refine(portrait: Picture, face: Anatomy) -> Anatomy:
    """The same face with lips and eyes where the picture has them."""
    right, left = face.eyes
    seen = _eye(portrait, face, right), _eye(portrait, face, left)
    if seen[0] or seen[1]:
        right = seen[0] or _mirrored(right, seen[1] or left)
        left = seen[1] or _mirrored(left, seen[0] or right)
    return _mouth(portrait, replace(face, eyes=(right, left)))


def _mouth(portrait: Picture, face: Anatomy) -> Anatomy:
    """Lips by the line where they meet, or by the outline of a drawn opening with its teeth."""
    left, right = face.half_widths
    if face.gap < CLOSED:
        return _seam(portrait, face)
    low = np.array([-1.5 * left, -face.nose], np.float32)
    high = np.array([1.5 * right, 0.7 * face.chin], np.float32)
    patch, x, y = _patch(portrait, face, low, high)
    light = cv2.GaussianBlur(patch, (0, 0), 1.0).max(axis=2).astype(np.float32)
    skin = float(np.median(light))
    seam = (face.upper(x) + face.lower(x)) / 2
    near = np.exp(-0.5 * (((y[:, None] - seam[None]) / 0.05) ** 2 + ((x[None] / max(left, right)) / 1.0) ** 2))
    found = _best(light < 0.55 * skin, near.astype(np.float32))
    if found is None:
        return face
    top, bottom, columns = _outline(found, x, y)
    width, tall = float(columns[-1] - columns[0]), float(np.median(bottom - top))
    if not 0.1 < width < 1.35 * (left + right):
        return face
    if tall < LINE:
        middle = curve(np.stack([columns, (top + bottom) / 2], axis=1), degree=4)
        upper = lower = middle
    elif _even(patch, face):
        white = _touching(found, (patch.min(axis=2) > 190) & (np.ptp(patch, axis=2) < 45))
        top, bottom, columns = _outline(white, x, y)
        ends = np.array([[columns[0], (top[0] + bottom[0]) / 2], [columns[-1], (top[-1] + bottom[-1]) / 2]], np.float32)
        upper = curve(np.stack([columns, top], axis=1), ends, degree=8)
        lower = curve(np.stack([columns, bottom], axis=1), ends, degree=8)
    else:
        return face
    half = (max(0.05, -float(upper.x[0])), max(0.05, float(upper.x[-1])))
    return replace(face, upper=upper, lower=lower, half_widths=half)


def _seam(portrait: Picture, face: Anatomy) -> Anatomy:
    """Closed lips meet along the darkest path near the mesh's; they end where it is no darker than the skin around."""
    left, right = face.half_widths
    low = np.array([-1.45 * left, float(face.upper.y.min()) - 0.06], np.float32)
    high = np.array([1.45 * right, float(face.lower.y.max()) + 0.06], np.float32)
    patch, x, y = _patch(portrait, face, low, high)
    luma = cv2.GaussianBlur(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), (0, 0), 1.0).astype(np.float32)
    guess = (face.upper(x) + face.lower(x)) / 2
    cost = luma / max(1.0, float(luma.mean())) + 0.5 * np.minimum(1, np.abs(y[:, None] - guess[None]) / 0.05) ** 2
    path = _cheapest(cost)
    across = np.arange(len(x))
    away = int(0.028 * DETAIL)
    sides = [luma[np.clip(path + d, 0, len(y) - 1), across] for d in (-away, away)]
    dark = luma[path, across] < 0.93 * np.minimum(*sides)
    middle = int(np.abs(x).argmin())
    first, last = middle, middle
    while first > 0 and dark[first - 1 : first + 1].any():
        first -= 1
    while last < len(x) - 1 and dark[last : last + 2].any():
        last += 1
    if x[first] > -0.75 * left or x[last] < 0.75 * right:  # no line to be seen: keep the mesh's
        first, last = int(np.abs(x + left).argmin()), int(np.abs(x - right).argmin())
        path = np.abs(y[:, None] - guess[None]).argmin(axis=0)
    line = curve(np.stack([x, y[path]], axis=1)[first : last + 1], degree=7)
    return replace(
        face, upper=line, lower=line, half_widths=(max(0.05, -float(line.x[0])), max(0.05, float(line.x[-1])))
    )


def _cheapest(cost: Floats) -> npt.NDArray[np.intp]:
    """The row of each column on the path of least cost from left to right; a step up or down costs a little."""
    rows, columns = cost.shape
    total, came = cost[:, 0].copy(), np.zeros((rows, columns), np.intp)
    for c in range(1, columns):
        steps = np.stack([np.roll(total, 1) + 0.05, total, np.roll(total, -1) + 0.05])
        steps[0, 0] = steps[2, -1] = np.inf
        came[:, c] = np.arange(rows) + steps.argmin(axis=0) - 1
        total = steps.min(axis=0) + cost[:, c]
    path = np.zeros(columns, np.intp)
    path[-1] = int(total.argmin())
    for c in range(columns - 1, 0, -1):
        path[c - 1] = came[path[c], c]
    return path


def _eye(portrait: Picture, face: Anatomy, eye: Eye) -> Eye | None:
    """Lids by the patch that differs from the skin; None if the mesh has it right or no such patch stands out."""
    wide, tall = float(np.ptp(eye.upper.x)), float((eye.lower.y - eye.upper.y).max())
    middle = np.array([np.mean(eye.upper.x), (eye.upper.y.min() + eye.lower.y.max()) / 2], np.float32)
    reach = np.array([1.0 * wide, 2.6 * tall], np.float32)
    patch, x, y = _patch(portrait, face, middle - reach, middle + reach)
    skin = np.median(patch[-patch.shape[0] // 4 :].reshape(-1, 3), axis=0)
    other = np.abs(patch.astype(np.float32) - skin).max(axis=2) > APART
    near = np.exp(-0.5 * (((x[None] - middle[0]) / wide) ** 2 + ((y[:, None] - middle[1]) / tall) ** 2))
    found = _best(other, near.astype(np.float32))
    if found is None or found[-2:].any() or found[:, :2].any() or found[:, -2:].any():
        return None
    top, bottom, columns = _outline(found, x, y)
    across, filled = float(np.ptp(columns)), float(found.sum() / DETAIL**2)
    if not 0.6 * wide < across < 1.8 * wide or filled < 0.56 * across * float(bottom.max() - top.min()):
        return None
    if (
        float(np.abs(bottom - eye.lower(columns)).mean()) < 0.01
        and float(np.abs(top - eye.upper(columns)).mean()) < 0.02
    ):
        return eye
    ends = np.array([[columns[0], bottom[0]], [columns[-1], bottom[-1]]], np.float32)
    lower = _under(columns, bottom, ends)
    if float(np.abs(lower(columns) - bottom).mean()) > 0.008:  # a ragged outline: shadows of a photo
        return None
    lashes = _lashes(patch[:, np.isin(x, columns)].max(axis=2), found[:, np.isin(x, columns)], float(skin.max()))
    centre = np.abs(x - np.mean(columns)) < 0.3 * across
    if lashes is not None:  # they stay on the lid's rim
        upper, lid = curve(np.stack([columns, top + lashes], axis=1), ends, degree=7), float(lashes.max()) + 0.01
    else:
        beyond = np.array([-2, *np.zeros(len(columns) - 2), 2]) / DETAIL
        upper, lid = Curve(columns + beyond.astype(np.float32), top - 1.5 / DETAIL), 0.0
    thick = cv2.morphologyEx((other & ~found).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
    above = thick[:, centre] & (y[:, None] < top.min())  # a brow or a spectacle frame, not the crease of the lid
    free = float(top.min() - y[np.flatnonzero(above.any(axis=1)).max()]) if above.any() else 0.12
    return Eye(upper, lower, float(np.clip(0.9 * free, 0.015, 0.12)) + lid, lid)


def _lashes(light: Picture, eye: Mask, skin: float) -> Floats | None:
    """Thickness of the dark line that tops an eye, in face heights, for each column; None if there is none.

    Measured where the white of the eye lies under it, for a dark iris may touch it elsewhere, and fitted in between.
    """
    at, runs = [], []
    for i, (column, inside) in enumerate(zip(light.T, eye.T, strict=True)):
        levels = column[inside]
        bright = np.flatnonzero(levels > 0.8 * skin)
        if len(bright) and bright[0] < 0.6 * len(levels):
            at.append(i)
            runs.append(int((levels[: bright[0]] < 0.6 * skin).sum()))
    if len(runs) < 8 or np.median(runs) < 3:
        return None
    fit = np.polynomial.Polynomial.fit(at, runs, 2)(np.arange(light.shape[1]))
    return np.asarray(np.clip(fit - 1, 2, 1.2 * max(runs)) / DETAIL, np.float32)


def _under(x: Floats, bottom: Floats, ends: Floats) -> Curve:
    """A smooth curve along the lowest points of an outline: covering a little more than the eye does no harm."""
    points = np.stack([x, bottom + 1 / DETAIL], axis=1)
    line = curve(points, ends, degree=5)
    for _ in range(4):
        points[:, 1] = np.maximum(points[:, 1], line(x))
        line = curve(points, ends, degree=5)
    return line


def _mirrored(eye: Eye, like: Eye) -> Eye:
    """The other eye of a drawing, when only one stands out."""
    shift = float(np.mean(eye.upper.x) + np.mean(like.upper.x))

    def flip(line: Curve) -> Curve:
        return Curve((shift - line.x)[::-1], line.y[::-1])

    return Eye(flip(like.upper), flip(like.lower), like.brow, like.rim)


def _patch(portrait: Picture, face: Anatomy, low: Floats, high: Floats) -> tuple[Picture, Floats, Floats]:
    """The picture between two corners in face units, upright, and the x and y of its columns and rows."""
    x, y = (np.arange(a, b, 1 / DETAIL, dtype=np.float32) for a, b in zip(low, high, strict=True))
    place = face.frame.to_picture(np.stack(np.meshgrid(x, y), axis=-1))
    found = cv2.remap(portrait, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8), x, y


def _even(patch: Picture, face: Anatomy) -> bool:
    """Whether most neighbouring pixels are equal, as in a drawing and in no photo."""
    step = min(1.0, face.frame.height / DETAIL)  # enlarging evens a picture out, too
    return bool(np.percentile(np.abs(cv2.Laplacian(patch, cv2.CV_32F)).max(axis=2), 60) <= 2.0 * step)


def _best(mask: Mask, near: Floats) -> Mask | None:
    """The connected part of a mask that has most pixels near the expected place."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8))
    weights = np.bincount(labels.ravel(), weights=near.ravel(), minlength=count)
    weights[0] = 0
    best = int(weights.argmax())
    return labels == best if weights[best] > 0.0 and (labels == best).sum() > 60 else None


def _touching(part: Mask, light: Mask) -> Mask:
    """`part` with the bright areas (teeth) that border on it, within its own width."""
    columns = np.flatnonzero(part.any(axis=0))
    inside = np.zeros_like(part)
    inside[:, columns[0] : columns[-1] + 1] = True
    _, labels = cv2.connectedComponents((light & inside).astype(np.uint8))
    edge = cv2.dilate(part.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    joined = part.copy()
    for label in np.unique(labels[edge & (labels > 0)]):
        if (labels == label).sum() < part.sum():
            joined |= labels == label
    return joined


def _outline(part: Mask, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Top and bottom of each column that a patch touches, and the x of these columns."""
    columns = np.flatnonzero(part.any(axis=0))
    rows = part[:, columns]
    return y[rows.argmax(axis=0)], y[len(y) - 1 - rows[::-1].argmax(axis=0)], x[columns]

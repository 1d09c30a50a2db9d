"""BlazeFace, short range: anchors, decoding and merging of its answers. Knows nothing of files or interpreters.

Sources: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (arXiv 1907.05047), and
the options published in google-ai-edge/mediapipe, `modules/face_detection/face_detection_short_range.pbtxt`: strides
8, 16, 16, 16 on a 128 pixel input, two anchors of size 1 a cell and layer, scores squashed.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.face.base import FaceBox

SIDE = 128
"""Width and height of the network's input."""
Floats = npt.NDArray[np.float32]


def anchors() -> Floats:
    """Anchor centres in 0..1, shape (896, 2): a 16 x 16 grid of 2 anchors, then an 8 x 8 grid of 6."""
    grids = []
    for cells, per_cell in ((16, 2), (8, 6)):
        centre = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(centre, centre)
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(grids)


def decode(regressors: Floats, scores: Floats, centres: Floats, threshold: float) -> Floats:
    """Boxes above `threshold`, one a row, in units of the input's side: x, y, width, height, 6 x (x, y), score.

    `regressors`: (896, 16), pixels from the anchor's centre; `scores`: (896,) logits. Result: (n, 17).
    """
    likely = 1 / (1 + np.exp(-np.clip(scores, -80, 80)))
    keep = likely >= threshold
    raw, centre = regressors[keep] / SIDE, centres[keep]
    size = raw[:, 2:4]
    corner = raw[:, 0:2] + centre - size / 2
    points = raw[:, 4:].reshape(-1, 6, 2) + centre[:, None]
    return np.concatenate([corner, size, points.reshape(-1, 12), likely[keep, None]], axis=1).astype(np.float32)


def windows(image: npt.NDArray[np.uint8], side: int) -> list[tuple[npt.NDArray[np.uint8], float, float]]:
    """Square views of `side` picture pixels that overlap by half, each resized to the input, black outside.

    Each comes with the picture coordinates of its corner. The picture is resized once for all views.
    """
    scale = SIDE / side
    height, width = (max(1, round(n * scale)) for n in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    views = []
    for y in _starts(height):
        for x in _starts(width):
            view = np.zeros((SIDE, SIDE, 3), np.uint8)
            y0, x0 = max(0, y), max(0, x)
            part = small[y0 : y + SIDE, x0 : x + SIDE]
            view[y0 - y : y0 - y + part.shape[0], x0 - x : x0 - x + part.shape[1]] = part
            views.append((view, x / scale, y / scale))
    return views


def _starts(length: int) -> list[int]:
    """Where views begin along an axis: centred if one holds all of it, else evenly, half a view apart or closer."""
    if length <= SIDE + 2:
        return [(length - SIDE) // 2]
    count = 1 + -(-(length - SIDE) // (SIDE // 2))
    return [round(v) for v in np.linspace(0, length - SIDE, count)]


def merge(rows: Floats, overlap: float) -> list[FaceBox]:
    """Weighted non-maximum suppression: rows that overlap the best one become one face, averaged by score.

    `rows`: (n, 17) as `decode` gives them, in picture pixels. `overlap`: the share of the smaller box that is common;
    not the usual intersection over union, since coarse and fine views disagree on the size of a face.
    """
    faces = []
    rows = rows[np.argsort(-rows[:, 16], kind="stable")]
    while len(rows):
        low = np.maximum(rows[:, 0:2], rows[0, 0:2])
        high = np.minimum(rows[:, 0:2] + rows[:, 2:4], rows[0, 0:2] + rows[0, 2:4])
        common = np.prod(np.maximum(0, high - low), axis=1)
        same = common > overlap * np.minimum(np.prod(rows[:, 2:4], axis=1), np.prod(rows[0, 2:4]))
        same[0] = True
        mean = np.average(rows[same, :16], axis=0, weights=rows[same, 16]).astype(np.float32)
        x, y, width, height = (float(v) for v in mean[:4])
        faces.append(FaceBox(x, y, width, height, float(rows[0, 16]), mean[4:].reshape(6, 2)))
        rows = rows[~same]
    return faces

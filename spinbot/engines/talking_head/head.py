"""The head's sway as a displacement of the whole picture, zero at its border."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.anatomy import CHIN, OVAL, TOP, Anatomy
from spinbot.engines.talking_head.warp import smooth

Floats = npt.NDArray[np.floating]
CELL = 8
"""Pixels of a grid cell: the sway is smooth, so few points carry it."""


class Head:
    """Turns a head a little, as a dome in front of a still background."""

    def __init__(self, anatomy: Anatomy, shape: tuple[int, int]) -> None:
        self.shape = shape
        height, width = shape
        rows, columns = -(-height // CELL), -(-width // CELL)
        middle = np.arange(max(rows, columns), dtype=np.float32) * CELL + (CELL - 1) / 2
        place = np.stack(np.meshgrid(middle[:columns], middle[:rows]), axis=-1)
        face = anatomy.frame.to_face(place)
        x, y = face[..., 0], face[..., 1]
        oval = anatomy.points[OVAL]
        half = float(oval[:, 0].max() - oval[:, 0].min()) / 2
        centre = float(oval[:, 0].max() + oval[:, 0].min()) / 2
        top, chin = float(anatomy.points[TOP, 1]), float(anatomy.points[CHIN, 1])
        eyes = (top + chin) / 2

        # an egg that takes in the hair, from which the motion fades over a face height; faster at the picture's border
        across = (x - centre) / (1.25 * half)
        down = np.where(y < eyes, (y - eyes) / (0.85 * (eyes - top) + 0.25), (y - eyes) / (chin - eyes))
        beyond = np.hypot(across, down)
        fade = 1 - smooth((beyond - 1.0) / 1.6)
        border = np.minimum(
            np.minimum(place[..., 0] + 0.5, width - 0.5 - place[..., 0]) / width,
            np.minimum(place[..., 1] + 0.5, height - 0.5 - place[..., 1]) / height,
        )
        weight = fade * smooth((border - 0.5 * CELL / min(shape)) / 0.12)

        # a dome half a face deep, its nose in front; the pivot is the neck
        depth = 0.42 * np.sqrt(np.clip(1 - 0.45 * np.minimum(beyond, 1.4) ** 2, 0, 1))
        degree = np.float32(np.pi / 180)
        pivot = chin + 0.15
        flat = np.zeros_like(x)
        fields = [
            np.stack([depth * degree, flat], -1),
            np.stack([flat, depth * degree], -1),
            np.stack([-(y - pivot) * degree, (x - centre) * degree], -1),
            np.stack([flat + 1, flat], -1),
            np.stack([flat, flat + 1], -1),
        ]
        weighted = np.stack(fields) * weight[..., None]
        self.basis = (weighted @ anatomy.frame.turn.T).astype(np.float32)

    def displacement(self, yaw: float, pitch: float, roll: float, shift: Floats) -> Floats:
        """Pixels by which each pixel's content has moved, (h, w, 2)."""
        weights = np.array([yaw, pitch, roll, shift[0], shift[1]], np.float32)
        coarse = np.tensordot(weights, self.basis, 1)
        rows, columns = coarse.shape[:2]
        full = cv2.resize(coarse, (columns * CELL, rows * CELL), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full[: self.shape[0], : self.shape[1]])

"""The slot `face`: where the faces of a picture are, and the 468-point mesh of one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Engine, Slot


@dataclass(frozen=True)
class FaceBox:
    """A detected face, in pixels of the picture it was found in."""

    x: float
    y: float
    width: float
    height: float
    score: float
    """Confidence in 0..1."""
    keypoints: npt.NDArray[np.float32]
    """Shape (6, 2), pixels: right eye, left eye, nose tip, mouth centre, right ear, left ear."""


@dataclass(frozen=True)
class FaceMesh:
    """The MediaPipe face mesh. Point numbers are MediaPipe's: 13/14 inner lips, 61/291 mouth corners."""

    points: npt.NDArray[np.float32]
    """Shape (468, 3): x, y in pixels of the picture, z in the same scale."""
    presence: float
    """Logit that a face is there; above 0 is likely."""


class FaceEngine(Engine):
    """Finds faces and their landmarks, in photos and drawings alike."""

    slot: ClassVar[Slot] = "face"

    @abstractmethod
    def detect(self, image: npt.NDArray[np.uint8]) -> list[FaceBox]:
        """Faces in an RGB picture of shape (h, w, 3), the largest first; empty where there is none."""

    @abstractmethod
    def track(self, image: npt.NDArray[np.uint8], last: FaceMesh) -> FaceMesh:
        """The mesh of a face that was at `last` a moment ago, as in the frame before; no detection needed."""

    @abstractmethod
    def mesh(self, image: npt.NDArray[np.uint8], box: FaceBox) -> FaceMesh:
        """The mesh of the face at `box`, rotation of the head taken into account."""

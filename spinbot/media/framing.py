"""Places a face in the frame of a video: what to cut from a picture, and how to fill and enlarge it.

Knows nothing of engines: a face is anything with a box and six keypoints, enlarging any function handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal, Protocol, get_args

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from spinbot.errors import InputError

Aspect = Literal["9:16", "1:1", "16:9"]
Pixels = npt.NDArray[np.uint8]
Upscale = Callable[[Pixels, int], Pixels]
"""`upscale(image, scale)`: an RGB picture (h, w, 3) `scale` times as large, scale being one of `SCALES`."""
SCALES = (2, 3, 4)

RATIOS: dict[str, float] = {"9:16": 9 / 16, "1:1": 1.0, "16:9": 16 / 9}
FACE: dict[str, float] = {"9:16": 0.35, "1:1": 0.40, "16:9": 0.43}
"""Height of the face (its detected box, brows to chin) over that of the frame."""
TIGHTEST: dict[str, float] = {"9:16": 0.42, "1:1": 0.52, "16:9": 0.52}
"""The same, at most: where the picture leaves less room it is extended, or the head would be cut."""
EYES = 0.40
"""Height of the eyes in the frame, from the top."""
HEADROOM = 0.95
"""Least room above the eyes, in heights of the face: hair reaches up to some 0.9 of it."""


class Face(Protocol):
    """A detected face in pixels of its picture, such as `engines.face.base.FaceBox`."""

    @property
    def x(self) -> float:
        """Left edge."""

    @property
    def y(self) -> float:
        """Top edge."""

    @property
    def width(self) -> float:
        """Width of the box."""

    @property
    def height(self) -> float:
        """Height of the box."""

    @property
    def keypoints(self) -> npt.NDArray[np.float32]:
        """Shape (6, 2): the two eyes come first."""


@dataclass(frozen=True)
class Crop:
    """A rectangle in pixels of a picture. It may reach beyond the picture, which `compose` then extends."""

    x: float
    y: float
    width: float
    height: float


def frame_size(aspect: str, short_side: int = 512) -> tuple[int, int]:
    """Width and height of a video frame, both even as H.264 wants. Raises `InputError` for an unknown aspect."""
    ratio = _ratio(aspect)
    short, long = _even(short_side), _even(short_side * max(ratio, 1 / ratio))
    return (long, short) if ratio > 1 else (short, long)


def crop_for_face(image_size: tuple[int, int], face: Face, aspect: str) -> Crop:
    """Head and shoulders: the face a good third of the frame's height, the eyes at 40 % from the top.

    `image_size` is (width, height). The crop stays inside the picture, and is smaller for it where the picture ends
    near the face. Only where the face would then fill more than `TIGHTEST` of the frame does it reach beyond, to the
    sides and below: clothes and walls can be continued, a head that is cut off cannot.
    Raises `InputError` for an unknown aspect.
    """
    width, height = image_size
    ratio = _ratio(aspect)
    tall = face.height / FACE[aspect]
    inside = min(height, width / ratio)
    tightest = face.height / TIGHTEST[aspect]
    tall = min(tall, inside if tightest <= inside else max(height, tightest))
    eyes = face.keypoints[:2].mean(axis=0)
    middle = (float(eyes[0]) + face.x + face.width / 2) / 2  # the eyes alone wander off when the head is turned
    x, y = middle - tall * ratio / 2, float(eyes[1]) - max(EYES * tall, HEADROOM * face.height)
    room = width - tall * ratio
    return Crop(_between(x, min(room, 0), max(room, 0)), _between(y, 0, max(height - tall, 0)), tall * ratio, tall)


def compose(image: Pixels, crop: Crop, size: tuple[int, int], upscale: Upscale | None = None) -> Pixels:
    """The crop of an RGB picture (h, w, 3) as a frame of exactly `size` = (width, height).

    A crop smaller than the frame is first enlarged by `upscale`, by the least of `SCALES` that suffices. Where the
    crop reaches beyond the picture, the colours of the picture's edge go on, ever more blurred.
    """
    height, width = image.shape[:2]
    left, top = max(floor(crop.x), 0), max(floor(crop.y), 0)
    right, bottom = min(ceil(crop.x + crop.width), width), min(ceil(crop.y + crop.height), height)
    part = image[top:bottom, left:right]
    needed = max(size[0] / crop.width, size[1] / crop.height)
    scale = 1
    if upscale and needed > 1:
        scale = next((s for s in SCALES if s >= needed), SCALES[-1])
        part = upscale(part, scale)
    x, y = (crop.x - left) * scale, (crop.y - top) * scale
    wide, tall = crop.width * scale, crop.height * scale
    before, above = max(ceil(-x), 0), max(ceil(-y), 0)
    after, below = max(ceil(x + wide - part.shape[1]), 0), max(ceil(y + tall - part.shape[0]), 0)
    if before or above or after or below:
        part = _extend(part, above, below, before, after)
    box = (x + before, y + above, min(x + before + wide, part.shape[1]), min(y + above + tall, part.shape[0]))
    resized = Image.fromarray(part).resize(size, Image.Resampling.LANCZOS, box=box)
    return np.ascontiguousarray(resized, dtype=np.uint8)


def _extend(image: Pixels, above: int, below: int, before: int, after: int) -> Pixels:
    """Continue the colours of the picture's edge outwards, blurred: not at all at the seam, fully a little further on.

    A mirror image would be as seamless, but shows a second person as soon as the gap is wide.
    """
    sides = ((above, below), (before, after), (0, 0))
    padded = np.pad(image, sides, mode="edge")
    inside = np.pad(np.zeros(image.shape[:2], np.uint8), sides[:2], constant_values=255)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    longer = max(padded.shape[:2])
    result = padded.astype(np.float32)
    for sigma, reach in ((0.004, 0.006), (0.012, 0.03), (0.04, 0.08), (0.08, 0.25)):  # shares of the longer side
        share = np.clip(distance / (reach * longer), 0, 1)[..., None]
        result += (_blur(padded, sigma * longer) - result) * share * share * (3 - 2 * share)
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)


def _blur(image: Pixels, sigma: float) -> npt.NDArray[np.float32]:
    """Gaussian blur; wide ones on a reduced copy, where they look the same."""
    height, width = image.shape[:2]
    factor = max(1, int(sigma / 4))
    small = cv2.resize(image, (ceil(width / factor), ceil(height / factor)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), sigma / factor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _between(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _ratio(aspect: str) -> float:
    if aspect not in RATIOS:
        raise InputError(
            f"there is no aspect {aspect!r}", hint=f"aspects: {', '.join(get_args(Aspect))}", code="unknown_aspect"
        )
    return RATIOS[aspect]


def _even(side: float) -> int:
    return 2 * round(side / 2)

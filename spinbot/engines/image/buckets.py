"""Pictures of every shape: each goes to the bucket whose shape is nearest, so that a batch is of one size.

Aspect-ratio bucketing as NovelAI described it (blog.novelai.net, "NovelAI Improvements on Stable Diffusion", 2022).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Size = tuple[int, int]
"""Width and height in pixels."""
WIDEST = 2.0
"""The longest side of a bucket by its shortest."""


def sizes(side: int, step: int) -> list[Size]:
    """All buckets for a model of `side` pixels: sides are multiples of `step`, areas at most side x side."""
    square = max(step, side // step * step)
    found = {(square, square)}
    for width in range(step, int(side * WIDEST) + 1, step):
        height = side * side // width // step * step
        if height >= step and max(width, height) <= WIDEST * min(width, height):
            found |= {(width, height), (height, width)}
    return sorted(found)


def nearest(width: int, height: int, buckets: list[Size]) -> Size:
    """The bucket whose shape is nearest to width x height; of equal ones the largest."""
    shape = math.log(width / height)
    return min(buckets, key=lambda size: (abs(math.log(size[0] / size[1]) - shape), -size[0] * size[1]))


def fitted(pixels: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    """The picture scaled and cut around its middle to a bucket's size."""
    return np.asarray(ImageOps.fit(Image.fromarray(pixels), size, Image.Resampling.LANCZOS))

"""One portrait that can take any pose: puts fields, lids, mouth and head together into a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.face.base import FaceMesh
from spinbot.engines.talking_head import eyes
from spinbot.engines.talking_head.anatomy import anatomy_of
from spinbot.engines.talking_head.head import Head
from spinbot.engines.talking_head.mouth import Inside
from spinbot.engines.talking_head.refine import refine
from spinbot.engines.talking_head.shape import Shape
from spinbot.engines.talking_head.warp import ABOVE, BELOW, LEFT, RIGHT, Fields, Pose, pose_of

Floats = npt.NDArray[np.floating]
Picture = npt.NDArray[np.uint8]
CELLS = 54
"""Grid cells a face height on which the skin's movement is worked out."""
MARGIN = 0.04
"""Room around a region for the sway of the head, in face heights."""


@dataclass(frozen=True)
class Region:
    """A rectangle of whole pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def of(self) -> tuple[slice, slice]:
        """Indexes a picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def empty(self) -> bool:
        """Whether it lies outside the picture."""
        return self.bottom <= self.top or self.right <= self.left


class Puppet:
    """A portrait with a face, ready to be posed."""

    def __init__(self, portrait: Picture, mesh: FaceMesh) -> None:
        self.portrait = np.ascontiguousarray(portrait)
        self.anatomy = refine(self.portrait, anatomy_of(mesh))
        self.fields = Fields(self.anatomy)
        self.inside = Inside(self.portrait, self.anatomy)
        self.head = Head(self.anatomy, portrait.shape[:2])
        # stretched lids show the steps of drawn lines, so they are taken from a softer picture
        self.soft = cv2.GaussianBlur(self.portrait, (0, 0), max(0.5, 0.01 * self.anatomy.frame.height), sigmaY=0.5)
        rows, columns = np.mgrid[: portrait.shape[0], : portrait.shape[1]]
        self.pixels = np.stack([columns, rows], axis=-1).astype(np.float32)
        self.face = self._region(np.array([-LEFT, -ABOVE], np.float32), np.array([RIGHT, BELOW], np.float32))
        self.cell = max(1, round(self.anatomy.frame.height / CELLS))
        self.padded = np.dstack([self.portrait, self.portrait[..., :1]])

    def frame(
        self, shape: Shape, *, blink: float, brows: float, turn: tuple[float, float, float], shift: Floats
    ) -> Picture:
        """The portrait in a pose: (h, w, 3). `turn`: yaw, pitch, roll in degrees; `shift` in face heights."""
        still = not any(turn) and not shift.any()
        rest = self.pixels if still else self.pixels - self.head.displacement(*turn, shift)
        frame = self.portrait.copy() if still else self._background(rest)
        if self.face.empty:
            return frame
        pose = pose_of(shape, brows)
        upper, lower = self.fields.forward(pose)
        skin = self._carried(rest[self.face.of], partial(self.fields.source_of_both, upper, lower))
        frame[self.face.of] = self._sample(rest[self.face.of] + skin)
        self._blink(frame, rest, skin, blink)
        self._mouth(frame, rest, shape, pose, upper, lower)
        return frame

    def _carried(self, rest: Floats, source: Callable[[Floats], Floats]) -> Floats:
        """Pixels from each point of a region to where its skin comes from, (h, w, 2), worked out on a coarse grid.

        `source` maps points in face units to their origin. Half a cell along the rim is less exact.
        """
        height, width = rest.shape[:2]
        size = (max(1, round(width / self.cell)), max(1, round(height / self.cell)))
        coarse = rest if self.cell == 1 else cv2.resize(rest, size, interpolation=cv2.INTER_AREA)
        at = self.anatomy.frame.to_face(coarse)
        shift = ((source(at) - at) @ self.anatomy.frame.turn.T).astype(np.float32)
        return shift if self.cell == 1 else cv2.resize(shift, (width, height), interpolation=cv2.INTER_LINEAR)

    def _blink(self, frame: Picture, rest: Floats, skin: Floats, closure: float) -> None:
        """Draw the lids over the eyes."""
        if closure <= 0:
            return
        for eye in self.anatomy.eyes:
            region = self._region(*eyes.box(eye))
            if region.empty:
                continue
            local = (
                slice(region.top - self.face.top, region.bottom - self.face.top),
                slice(region.left - self.face.left, region.right - self.face.left),
            )
            at = self.anatomy.frame.to_face(rest[region.of] + skin[local])
            lid = eyes.close(eye, at, closure, 1 / self.anatomy.frame.height)
            place = self.anatomy.frame.to_picture(lid.source)
            skin_of_lid = _blend(self._sample(place), self._sample(place, self.soft), lid.taut)
            closed = _blend(frame[region.of], skin_of_lid, lid.cover)
            frame[region.of] = _blend(closed, closed // 3, lid.line)

    def _mouth(self, frame: Picture, rest: Floats, shape: Shape, pose: Pose, upper: Floats, lower: Floats) -> None:
        """Draw the lips and what is between them, at full resolution."""
        upper_edge, lower_edge = self.fields.lips(pose)
        room = 4 / CELLS
        low = np.array([upper_edge.x[0] - room, upper_edge.y.min() - room], np.float32)
        high = np.array([upper_edge.x[-1] + room, lower_edge.y.max() + room], np.float32)
        region = self._region(low, high)
        if region.empty:
            return
        points = rest[region.of]
        at = self.anatomy.frame.to_face(points)
        pixel = 1 / self.anatomy.frame.height
        above, below = (
            self._sample(points + self._carried(points, partial(self.fields.source, field))) for field in (upper, lower)
        )
        x, y = at[..., 0], at[..., 1]
        over = np.clip((upper_edge(x) - y) / pixel + 0.5, 0, 1)
        under = np.minimum(1 - over, np.clip((y - lower_edge(x)) / pixel + 0.5, 0, 1))
        hole = 1 - over - under
        inside = self.inside.paint(at, upper_edge, lower_edge, shape, self._sample(points))
        colour = above * over[..., None] + below * under[..., None] + inside * hole[..., None]
        core = slice(self.cell, -self.cell), slice(self.cell, -self.cell)
        frame[region.of][core] = np.clip(colour[core] + 0.5, 0, 255).astype(np.uint8)

    def _background(self, rest: Floats) -> Picture:
        """The whole portrait with its head turned."""
        # four channels: OpenCV's bilinear remap of those is three times as fast
        moved = cv2.remap(self.padded, rest, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB), np.uint8)

    def _sample(self, place: Floats, picture: Picture | None = None) -> Picture:
        """The portrait (or another picture of its size) at pixels (h, w, 2)."""
        picture = self.portrait if picture is None else picture
        found = cv2.remap(picture, place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.uint8)

    def _region(self, low: Floats, high: Floats) -> Region:
        """The pixels that hold a rectangle of face units, and some room for sway."""
        corners = np.array([[low[0], low[1]], [low[0], high[1]], [high[0], low[1]], [high[0], high[1]]], np.float32)
        room = MARGIN * self.anatomy.frame.height + 1
        placed = self.anatomy.frame.to_picture(corners)
        (left, top), (right, bottom) = np.floor(placed.min(axis=0) - room), np.ceil(placed.max(axis=0) + room)
        height, width = self.portrait.shape[:2]
        return Region(
            max(0, int(top)), min(height, int(bottom)), max(0, int(left)), min(width, int(right))
        )  # fmt: skip


def _blend(under: Picture, over: Picture, cover: Floats) -> Picture:
    mixed = under + (over.astype(np.float32) - under) * cover[..., None]
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)

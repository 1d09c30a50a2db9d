"""The talking head without a network: a portrait's own pixels, warped by the mesh of its face."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Progress
from spinbot.engines.face.base import FaceMesh
from spinbot.engines.talking_head.base import Performance, TalkingHeadEngine
from spinbot.engines.talking_head.motion import motion_of
from spinbot.engines.talking_head.puppet import Puppet
from spinbot.engines.talking_head.shape import Shape
from spinbot.engines.talking_head.visemes import mouth_track
from spinbot.errors import InputError

SMALLEST = 32
"""Pixels from forehead to chin below which a mouth is too small to animate."""


class MeshWarpEngine(TalkingHeadEngine):
    """Animates any photo or drawing with a face. Needs no model; one core does 25 frames a second and more."""

    name: ClassVar[str] = "meshwarp"

    _last: tuple[FaceMesh, Puppet] | None = None
    """The puppet made last: the sentences of a video show one portrait, and making its puppet takes 20 to 60 ms."""

    def load(self, progress: Progress) -> None:
        """Nothing to load."""

    def unload(self) -> None:
        """Drop the last puppet."""
        self._last = None

    def animate(
        self,
        portrait: npt.NDArray[np.uint8],
        mesh: FaceMesh,
        performance: Performance,
        progress: Progress,
        *,
        first: int = 0,
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the frames in order. Raises `InputError` for a face too small, `CancelledError` through `progress`."""
        puppet = self._puppet(portrait, mesh)
        if puppet.anatomy.frame.height < SMALLEST:
            raise InputError(
                f"the face is {puppet.anatomy.frame.height:.0f} pixels high; {SMALLEST} are needed",
                hint="crop the portrait closer to the face or use a larger picture",
                code="face_too_small",
            )
        return self._frames(puppet, performance, progress, first)

    def _puppet(self, portrait: npt.NDArray[np.uint8], mesh: FaceMesh) -> Puppet:
        last = self._last
        if last and np.array_equal(last[0].points, mesh.points) and np.array_equal(last[1].portrait, portrait):
            return last[1]
        puppet = Puppet(portrait, mesh)
        self._last = mesh, puppet
        return puppet

    def _frames(
        self, puppet: Puppet, performance: Performance, progress: Progress, first: int
    ) -> Iterator[npt.NDArray[np.uint8]]:
        cv2.setNumThreads(self.threads)
        shapes, motion = mouth_track(performance), motion_of(performance)
        for i in range(first, performance.frames):
            progress(i / performance.frames, f"frame {i + 1} of {performance.frames}")
            yield puppet.frame(
                Shape(*shapes[i].tolist()),
                blink=float(motion.blink[i]),
                brows=float(motion.brows[i]),
                turn=(float(motion.yaw[i]), float(motion.pitch[i]), float(motion.roll[i])),
                shift=motion.shift[i],
            )
        progress(1.0, "animated")

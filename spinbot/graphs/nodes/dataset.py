"""Whether what is given to learn from is fit for it."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from spinbot.actors.host import CallContext
from spinbot.engines.face.base import FaceBox, FaceEngine
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.images import read_portrait
from spinbot.media.photo import blur, fingerprint, light
from spinbot.media.picture_set import Finding, Seen, examine
from spinbot.store.artifacts import ArtifactId

MARGIN = 0.2
"""Of the face's box on each side: sharpness is in the hair and the chin, too."""


class GivenPicture(BaseModel):
    """A picture to learn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    artifact: ArtifactId = Field(description="The picture, as it was uploaded")
    name: str = Field(min_length=1, max_length=200, description="What findings call it")
    caption: str = Field(default="", max_length=2000, description="What it shows")


@node("check_pictures", slots=("face",))
class CheckPictures(Node):
    """Look through pictures of a person: blur, light, size, faces, duplicates; and whether a look can be learned."""

    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000)
    side: int = Field(default=512, ge=64, le=2048, description="Pixels of the pictures that are to be learned")

    class Outputs(Ports):
        """What is to be thought of them."""

        checkup: values.PictureCheckup

    def run(self, context: CallContext) -> Outputs:
        """Look at one after the other. A picture that cannot be read is a finding, not an error."""
        seen: list[Seen] = []
        unreadable: list[Finding] = []
        with context.engine("face") as engine:
            for number, given in enumerate(self.pictures):
                context.progress(number / len(self.pictures), f"{given.name}, {number + 1} of {len(self.pictures)}")
                try:
                    pixels = read_portrait(context.artifacts.path(given.artifact)).pixels
                except InputError as error:
                    unreadable.append(unusable(given.name, error))
                    continue
                seen.append(_look(given, pixels, cast(FaceEngine, engine).detect(pixels)))
        checkup = examine(seen, unreadable=unreadable, side=self.side)
        return self.Outputs(checkup=values.PictureCheckup(checkup=checkup))


def unusable(name: str, error: InputError) -> Finding:
    """The finding about a file that is no picture."""
    return Finding(level="left_out", code=error.code, picture=name, message=error.message, remedy=error.hint)


def _look(given: GivenPicture, pixels: npt.NDArray[np.uint8], faces: list[FaceBox]) -> Seen:
    height, width = pixels.shape[:2]
    shown = _around(pixels, faces[0]) if faces else pixels
    return Seen(
        name=given.name,
        width=width,
        height=height,
        faces=[face.width for face in faces],
        blur=blur(shown),
        light=light(shown),
        fingerprint=fingerprint(pixels),
        caption=given.caption,
    )


def _around(pixels: npt.NDArray[np.uint8], face: FaceBox) -> npt.NDArray[np.uint8]:
    """The face with a margin, as far as the picture goes."""
    across, down = MARGIN * face.width, MARGIN * face.height
    top, left = max(0, round(face.y - down)), max(0, round(face.x - across))
    return pixels[top : round(face.y + face.height + down), left : round(face.x + face.width + across)]

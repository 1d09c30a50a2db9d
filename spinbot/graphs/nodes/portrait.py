"""Portraits: bring in a picture, find its face, frame it for the video."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.face.base import FaceBox, FaceEngine
from spinbot.engines.upscale.base import UpscaleEngine
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.framing import compose, crop_for_face, frame_size
from spinbot.media.images import read_portrait, write_png
from spinbot.store.artifacts import ArtifactId


@node("load_image")
class LoadImage(Node):
    """Bring a stored picture into the graph, upright and in plain RGB."""

    artifact: ArtifactId = Field(description="The picture, as it was uploaded")

    class Outputs(Ports):
        """The picture."""

        image: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Decode, turn upright, re-encode. Raises `InputError` for what is not a usable picture."""
        picture = read_portrait(context.artifacts.path(self.artifact))
        for note in picture.notes:
            context.note(note)
        height, width = picture.pixels.shape[:2]
        artifact = context.artifacts.put_bytes(write_png(picture.pixels))
        return self.Outputs(image=values.Image(artifact=artifact, width=width, height=height))


@node("find_face", slots=("face",))
class FindFace(Node):
    """Find the largest face of a picture; fail where there is none."""

    image: values.Image

    class Outputs(Ports):
        """The face."""

        face: values.Face

    def run(self, context: CallContext) -> Outputs:
        """Detect. Raises `InputError` (`no_face`)."""
        pixels = read_portrait(context.artifacts.path(self.image.artifact)).pixels
        with context.engine("face") as engine:
            faces = cast(FaceEngine, engine).detect(pixels)
        if not faces:
            raise InputError(
                f"no face was found in the portrait ({self.image.width}x{self.image.height} pixels)",
                hint="use a picture that shows one face from the front, at least 100 pixels wide",
                code="no_face",
            )
        largest = faces[0]
        if len(faces) > 1:
            context.note(
                f"{len(faces)} faces found; the largest is used: {largest.width:.0f}x{largest.height:.0f} pixels "
                f"at x={largest.x:.0f}, y={largest.y:.0f}"
            )
        face = values.Face(
            x=largest.x,
            y=largest.y,
            width=largest.width,
            height=largest.height,
            score=largest.score,
            keypoints=[(float(x), float(y)) for x, y in largest.keypoints],
            count=len(faces),
            made_by=[values.Stamp(**context.stamp("face"))],
        )
        return self.Outputs(face=face)


@node("frame_portrait", slots=("upscale",))
class FramePortrait(Node):
    """Crop a picture around its face to the video's shape and bring it to the video's size, upscaled if small."""

    image: values.Image
    face: values.Face
    aspect: Literal["9:16", "1:1", "16:9"] = Field(default="1:1", description="Shape of the video, width to height")
    short_side: int = Field(default=512, ge=256, le=1080, multiple_of=2, description="Shorter side in pixels")

    class Outputs(Ports):
        """The framed picture."""

        image: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Crop, upscale by the engine where pixels are missing, resize."""
        pixels = read_portrait(context.artifacts.path(self.image.artifact)).pixels
        found = self.face
        keypoints = np.array(found.keypoints, dtype=np.float32)
        box = FaceBox(found.x, found.y, found.width, found.height, found.score, keypoints)
        crop = crop_for_face((self.image.width, self.image.height), box, self.aspect)
        size = frame_size(self.aspect, self.short_side)
        with context.engine("upscale") as engine:
            upscaler = cast(UpscaleEngine, engine)
            framed = compose(pixels, crop, size, lambda image, scale: upscaler.upscale(image, scale, context.progress))
        artifact = context.artifacts.put_bytes(write_png(framed))
        stamps = [*self.image.made_by, *self.face.made_by, values.Stamp(**context.stamp("upscale"))]
        image = values.Image(artifact=artifact, width=framed.shape[1], height=framed.shape[0], made_by=stamps)
        return self.Outputs(image=image)

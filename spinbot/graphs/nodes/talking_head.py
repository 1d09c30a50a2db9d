"""Animation: a framed portrait speaks a recording."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.face.base import FaceEngine
from spinbot.engines.talking_head.base import Performance, TalkingHeadEngine
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.audio import read_audio
from spinbot.media.images import read_portrait
from spinbot.media.timing import Timing
from spinbot.media.video import FrameWriter


@node("animate_portrait", slots=("face", "talking_head"))
class AnimatePortrait(Node):
    """Let a portrait speak: mouth from phonemes and energy, blinks, slight head movement."""

    image: values.Image
    speech: values.Speech
    fps: int = Field(default=25, ge=10, le=60, description="Frames per second")
    seed: int = Field(default=0, ge=0, description="Seed of blinks and head movement")
    sway: float = Field(default=1.0, ge=0, le=2, description="Head movement: 0 still, 1 slight, 2 lively")
    blinks: bool = Field(default=True, description="Whether the eyes blink")

    class Outputs(Ports):
        """The video, without sound."""

        video: values.Video

    def run(self, context: CallContext) -> Outputs:
        """Find the mesh, stream frames to the encoder. Raises `InputError` (`no_face`)."""
        portrait = read_portrait(context.artifacts.path(self.image.artifact)).pixels
        samples, rate = read_audio(context.artifacts.path(self.speech.audio))
        timing = Timing.model_validate_json(context.artifacts.path(self.speech.timing).read_bytes())
        performance = Performance(samples, rate, timing, self.fps, self.seed, self.sway, self.blinks)
        with context.engine("face") as engine:
            face = cast(FaceEngine, engine)
            boxes = face.detect(portrait)
            if not boxes:
                raise InputError(
                    "no face was found in the framed portrait", hint="use a larger, frontal picture", code="no_face"
                )
            mesh = face.mesh(portrait, boxes[0])
        path = context.scratch / "talk.mp4"
        height, width = portrait.shape[:2]
        with (
            context.engine("talking_head") as engine,
            FrameWriter(path, width=width, height=height, fps=self.fps) as writer,
        ):
            frames = cast(TalkingHeadEngine, engine).animate(portrait, mesh, performance, context.progress)
            for frame in frames:
                writer.write(frame)
        video = values.Video(
            artifact=context.artifacts.put_file(path),
            width=width,
            height=height,
            fps=self.fps,
            seconds=performance.frames / self.fps,
            made_by=[
                *self.image.made_by,
                *self.speech.made_by,
                values.Stamp(**context.stamp("talking_head")),
            ],
        )
        return self.Outputs(video=video)

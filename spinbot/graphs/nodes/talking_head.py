"""Animation: a framed portrait speaks a recording."""

from __future__ import annotations

import threading
from itertools import islice, takewhile
from typing import cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.face.base import FaceEngine, FaceMesh
from spinbot.engines.talking_head.base import Performance, TalkingHeadEngine
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.audio import read_audio
from spinbot.media.images import read_portrait
from spinbot.media.timing import Timing
from spinbot.media.video import FrameWriter, join

CHUNK = 100
"""Frames after which what is done is safe from a crash: some 2 s of work. A file more costs 10 ms."""

Sitter = tuple[npt.NDArray[np.uint8], FaceMesh]
"""A portrait's pixels and the mesh of its face."""
_sitters: dict[tuple[str, str, str], Sitter] = {}
"""The last two, by picture, engine and weights: the segments of a video show one portrait; its face takes 60 ms."""
_sitters_lock = threading.Lock()


@node("animate_portrait", version=2, slots=("face", "talking_head"))
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
        """Stream frames to the encoder, chunk by chunk. Raises `InputError` (`no_face`)."""
        portrait, mesh = self._sitter(context)
        samples, rate = read_audio(context.artifacts.path(self.speech.audio))
        timing = Timing.model_validate_json(context.artifacts.path(self.speech.timing).read_bytes())
        performance = Performance(samples, rate, timing, self.fps, self.seed, self.sway, self.blinks)
        height, width = portrait.shape[:2]
        saved: list[str] = (context.checkpoint or {}).get("chunks", [])
        chunks = list(takewhile(context.artifacts.__contains__, saved))
        if chunks:
            context.note(f"goes on at frame {len(chunks) * CHUNK + 1} of {performance.frames}")
        with context.engine("talking_head") as engine:
            frames = cast(TalkingHeadEngine, engine).animate(
                portrait, mesh, performance, context.progress, first=len(chunks) * CHUNK
            )
            while len(chunks) * CHUNK < performance.frames:
                path = context.scratch / f"chunk-{len(chunks) + 1}.mp4"
                with FrameWriter(path, width=width, height=height, fps=self.fps) as writer:
                    for frame in islice(frames, CHUNK):
                        writer.write(frame)
                chunks = [*chunks, context.artifacts.put_file(path)]
                if len(chunks) * CHUNK < performance.frames:
                    context.save({"chunks": chunks})
        if len(chunks) > 1:
            path = context.scratch / "talk.mp4"
            join([context.artifacts.path(chunk) for chunk in chunks], path)
        video = values.Video(
            artifact=context.artifacts.put_file(path) if len(chunks) > 1 else chunks[0],
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

    def _sitter(self, context: CallContext) -> Sitter:
        stamp = context.stamp("face")
        key = (self.image.artifact, stamp["engine"], stamp["weights"])
        if sitter := _sitters.get(key):
            return sitter
        portrait = read_portrait(context.artifacts.path(self.image.artifact)).pixels
        with context.engine("face") as engine:
            face = cast(FaceEngine, engine)
            boxes = face.detect(portrait)
            if not boxes:
                raise InputError(
                    "no face was found in the framed portrait", hint="use a larger, frontal picture", code="no_face"
                )
            mesh = face.mesh(portrait, boxes[0])
        with _sitters_lock:
            _sitters[key] = portrait, mesh
            while len(_sitters) > 2:
                del _sitters[next(iter(_sitters))]
        return portrait, mesh

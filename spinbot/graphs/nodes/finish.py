"""Finishing: captions, and the one file that users get."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field

from spinbot import __version__
from spinbot.actors.host import CallContext
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.audio import normalise, read_audio, write_wav
from spinbot.media.captions import cues, line_chars, to_ass, to_srt, to_vtt
from spinbot.media.credentials import ensure_identity, sign
from spinbot.media.timing import Timing
from spinbot.media.video import finish


@node("caption")
class Caption(Node):
    """Turn word times into subtitles."""

    speech: values.Speech

    class Outputs(Ports):
        """SRT and VTT."""

        captions: values.Captions

    def run(self, context: CallContext) -> Outputs:
        """Break the words into cues."""
        timing = Timing.model_validate_json(context.artifacts.path(self.speech.timing).read_bytes())
        lines = cues(timing.words)
        captions = values.Captions(
            srt=context.artifacts.put_bytes(to_srt(lines).encode()),
            vtt=context.artifacts.put_bytes(to_vtt(lines).encode()),
        )
        return self.Outputs(captions=captions)


@node("finish_video", version=2)
class FinishVideo(Node):
    """Join picture and sound into an MP4: loudness, captions, poster frame, Content Credentials."""

    video: values.Video
    speech: values.Speech
    script: values.Script
    captions: Literal["burn", "none"] = Field(default="none", description="burn: draw them into the picture")
    consent: str = Field(
        default="", max_length=1000, description="What the person shown agreed to, for the credentials"
    )
    loudness: float = Field(default=-16.0, ge=-30, le=-8, description="Integrated loudness in LUFS")

    class Outputs(Ports):
        """The finished video and its poster."""

        video: values.Video
        poster: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Mux, and sign. Raises `StorageError` on a full disk."""
        scratch, artifacts = context.scratch, context.artifacts
        samples, rate = read_audio(artifacts.path(self.speech.audio))
        write_wav(scratch / "speech.wav", normalise(samples, rate, target=self.loudness), rate)
        burn = None
        if self.captions == "burn":
            timing = Timing.model_validate_json(artifacts.path(self.speech.timing).read_bytes())
            burn = scratch / "captions.ass"
            size = (self.video.width, self.video.height)
            burn.write_text(to_ass(cues(timing.words, max_chars=line_chars(size)), size))
        context.progress(0.1, "joining picture and sound")
        finish(
            [artifacts.path(self.video.artifact)],
            scratch / "speech.wav",
            scratch / "plain.mp4",
            captions_ass=burn,
            poster_png=scratch / "poster.png",
            title=self.script.title,
            progress=lambda fraction, message: context.progress(0.1 + 0.7 * fraction, message),
        )
        context.progress(0.8, "signing")
        stamps = values.unique_stamps([*self.video.made_by, *self.speech.made_by, *self.script.made_by])
        for name in ("plain.mp4", "poster.png"):
            sign(
                scratch / name,
                scratch / f"signed-{name}",
                ensure_identity(context.home / "identity"),
                title=self.script.title,
                generator_version=__version__,
                models=[f"{stamp.slot}/{stamp.engine}" for stamp in stamps],
                extra={"weights": {f"{stamp.slot}/{stamp.engine}": stamp.weights for stamp in stamps}}
                | ({"consent": self.consent} if self.consent else {}),
            )
        video = self.video.model_copy(
            update={
                "artifact": artifacts.put_file(scratch / "signed-plain.mp4"),
                "content": _sha256(scratch / "plain.mp4"),
                "made_by": stamps,
            }
        )
        poster = values.Image(
            artifact=artifacts.put_file(scratch / "signed-poster.png"),
            width=self.video.width,
            height=self.video.height,
            content=_sha256(scratch / "poster.png"),
            made_by=stamps,
        )
        return self.Outputs(video=video, poster=poster)


def _sha256(path: Path) -> str:
    """Of what a job made: a signature holds a time stamp and so differs from run to run."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Finishing: captions, and the one file that users get."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

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
            frame = (self.video.width, self.video.height)
            burn.write_text(to_ass(cues(timing.words, max_chars=line_chars(frame)), frame))
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
        signing = partial(signed, context, title=self.script.title, stamps=stamps, consent=self.consent)
        video = self.video.model_copy(update=signing(scratch / "plain.mp4") | {"made_by": stamps})
        size = {"width": self.video.width, "height": self.video.height}
        poster = values.Image(**size, **signing(scratch / "poster.png"), made_by=stamps)
        return self.Outputs(video=video, poster=poster)


def signed(
    context: CallContext, plain: Path, *, title: str, stamps: Sequence[values.Stamp], consent: str = ""
) -> dict[str, Any]:
    """Store a copy of a file with Content Credentials; `artifact` and `content` of the value that names it.

    `content` is the sha256 of what the job made: a signature holds a time stamp and so differs from run to run.
    Raises `StorageError`.
    """
    target = context.scratch / f"signed-{plain.name}"
    weights = {f"{stamp.slot}/{stamp.engine}": stamp.weights for stamp in stamps}
    sign(
        plain,
        target,
        ensure_identity(context.home / "identity"),
        title=title,
        generator_version=__version__,
        models=list(weights),
        extra={"weights": weights} | ({"consent": consent} if consent else {}),
    )
    with plain.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return {"artifact": context.artifacts.put_file(target), "content": content}

"""Segments: a talking video made sentence by sentence, so that sentences run side by side and can be edited alone."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.tts.base import VOICE
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.graph import Expansion, Link, NodeSpec
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.speech import SpeakSentence
from spinbot.graphs.nodes.talking_head import AnimatePortrait
from spinbot.media.audio import join_wavs
from spinbot.media.timing import Phoneme, Timing, Word
from spinbot.media.video import join


@node("perform_script", inner_slots=(*SpeakSentence.slots, *AnimatePortrait.slots))
class PerformScript(Node):
    """Let a portrait speak a script: each sentence is spoken and animated on its own, then all are joined."""

    script: values.Script
    image: values.Image
    voice: str = Field(default="", description=VOICE)
    trained: values.Voice | None = None
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1 is natural")
    seed: int = Field(default=0, ge=0, description="Seed of voice, blinks and head movement")
    fps: int = Field(default=25, ge=10, le=60, description="Frames per second")
    sway: float = Field(default=1.0, ge=0, le=2, description="Head movement: 0 still, 1 slight, 2 lively")
    blinks: bool = Field(default=True, description="Whether the eyes blink")

    class Outputs(Ports):
        """The whole video, without sound, and the whole recording."""

        video: values.Video
        speech: values.Speech

    def run(self, context: CallContext) -> Expansion:
        """Answer `speak-1`, `animate-1`, `speak-2`, ... and `join`."""
        return self.foretold()

    def foretold(self) -> Expansion:
        """See `run`."""
        nodes: dict[str, NodeSpec] = {}
        count = len(self.script.sentences)
        for i, text in enumerate(self.script.sentences, start=1):
            voice: dict[str, Any] = {"voice": self.voice, "speed": self.speed, "seed": self.seed, "fps": self.fps}
            last = {"pause_s": 0.0} if i == count else {}
            nodes[f"speak-{i}"] = NodeSpec(
                type=SpeakSentence.type,
                params={"text": text} | voice | last,
                inputs={"trained": Link(node="..", output="trained")} if self.trained else {},
            )
            look = {"fps": self.fps, "seed": segment_seed(self.seed, text), "sway": self.sway, "blinks": self.blinks}
            nodes[f"animate-{i}"] = NodeSpec(
                type=AnimatePortrait.type,
                params=look,
                inputs={
                    "image": Link(node="..", output="image"),
                    "speech": Link(node=f"speak-{i}", output="speech"),
                },
            )
        numbers = range(1, count + 1)
        nodes["join"] = NodeSpec(
            type=JoinSegments.type,
            inputs={
                "videos": [Link(node=f"animate-{i}", output="video") for i in numbers],
                "speeches": [Link(node=f"speak-{i}", output="speech") for i in numbers],
                "script": Link(node="..", output="script"),
            },
        )
        return Expansion(
            nodes=nodes,
            outputs={name: Link(node="join", output=name) for name in ("video", "speech")},
        )


@node("join_segments")
class JoinSegments(Node):
    """Put spoken and animated sentences after each other: one silent video and one recording."""

    videos: list[values.Video]
    speeches: list[values.Speech]
    script: values.Script

    class Outputs(Ports):
        """The whole video, without sound, and the whole recording."""

        video: values.Video
        speech: values.Speech

    def run(self, context: CallContext) -> Outputs:
        """Copy samples and pictures as they are. Raises `InputError` for segments that do not fit together."""
        self._check()
        wav = context.scratch / "speech.wav"
        path = context.artifacts.path
        lengths = join_wavs([path(speech.audio) for speech in self.speeches], wav)
        rate = self.speeches[0].sample_rate
        words: list[Word] = []
        phonemes: list[Phoneme] = []
        sentences: list[values.Sentence] = []
        at = 0
        for speech, length in zip(self.speeches, lengths, strict=True):
            later = at / rate
            timing = Timing.model_validate_json(path(speech.timing).read_bytes()).shifted(later)
            words += timing.words
            phonemes += timing.phonemes
            sentences += [
                sentence.model_copy(update={"start": sentence.start + later, "end": sentence.end + later})
                for sentence in speech.sentences
            ]
            at += length
        stamps = [stamp for speech in self.speeches for stamp in speech.made_by]
        whole = values.Speech(
            audio=context.artifacts.put_file(wav),
            timing=context.artifacts.put_bytes(Timing(words=words, phonemes=phonemes).model_dump_json().encode()),
            seconds=at / rate,
            sample_rate=rate,
            sentences=sentences,
            made_by=values.unique_stamps([*self.script.made_by, *stamps]),
        )
        join([path(video.artifact) for video in self.videos], context.scratch / "talk.mp4")
        stamps = [stamp for video in self.videos for stamp in video.made_by]
        video = self.videos[0].model_copy(
            update={
                "artifact": context.artifacts.put_file(context.scratch / "talk.mp4"),
                "seconds": sum(video.seconds for video in self.videos),
                "made_by": values.unique_stamps([*self.script.made_by, *stamps]),
            }
        )
        return self.Outputs(video=video, speech=whole)

    def _check(self) -> None:
        if not self.videos or len(self.videos) != len(self.speeches):
            raise InputError(
                f"{len(self.videos)} videos and {len(self.speeches)} recordings cannot be joined",
                hint="link one video and one recording for each sentence",
            )
        for number, (video, speech) in enumerate(zip(self.videos, self.speeches, strict=True), start=1):
            if abs(video.seconds - speech.seconds) > 0.001:  # else the sound of later segments would run ahead
                raise InputError(
                    f"segment {number} shows {video.seconds:.3f} s and says {speech.seconds:.3f} s",
                    hint="animate what speak_sentence says with the same fps",
                )


def segment_seed(seed: int, text: str) -> int:
    """Seed of the blinks and sway of a sentence: its own, so that sentences differ; nothing else goes into it."""
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:4], "big")

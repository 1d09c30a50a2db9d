"""What travels along the links of a graph: small JSON values that name artifacts, never bytes or paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from spinbot.media.checkup import Checkup
from spinbot.media.score import Scores
from spinbot.store.artifacts import ArtifactId


class Value(BaseModel):
    """Base of everything a port carries. A port's type is its class."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Stamp(Value):
    """Which engine, with which weights, had a hand in something.

    Values carry their stamps downstream, so that the Content Credentials of a video name every model behind it.
    """

    slot: str
    engine: str
    weights: str = Field(description="Digest of the weights; empty for an engine without any")


def unique_stamps(stamps: Iterable[Stamp]) -> list[Stamp]:
    """Each stamp once, in the order of its first appearance."""
    return list({(stamp.slot, stamp.engine, stamp.weights): stamp for stamp in stamps}.values())


class Image(Value):
    """A picture (PNG)."""

    artifact: ArtifactId
    width: int
    height: int
    content: str = Field(
        default="", description="sha256 of the bytes before they were signed (64 hex digits); empty: never signed"
    )
    made_by: list[Stamp] = []


class InstalledModel(Value):
    """A model whose files are here and whole."""

    name: str = Field(description="Its name in the catalogue")
    digest: str = Field(description="Identifies the bytes of all its files: 64 hex digits")
    bytes: int
    licence: str = Field(description="SPDX expression of the weights' licence")


class PictureCheckup(Value):
    """Whether pictures are fit to learn a look from."""

    checkup: Checkup


class PictureCaption(Value):
    """What a captioner has written about a picture."""

    artifact: ArtifactId = Field(description="The picture")
    name: str
    text: str


class PictureCaptions(Value):
    """What a captioner has written about pictures that had no caption."""

    captions: list[PictureCaption]
    made_by: list[Stamp] = []


class VoiceClip(Value):
    """A part of a recording in which a person speaks. Times in seconds from its beginning."""

    artifact: ArtifactId = Field(description="The recording")
    start: float
    end: float
    text: str


class VoiceCheckup(Value):
    """Whether recordings are fit to learn a voice from, and the clips that are."""

    checkup: Checkup
    clips: list[VoiceClip]


class LookVersion(Value):
    """A look after some steps of its training, in both common layouts of files."""

    artifact: ArtifactId = Field(description="A LoRA as diffusers' load_lora_weights takes it")
    kohya: ArtifactId = Field(description="The same in kohya's layout, for ComfyUI and others")
    step: int
    score: float = Field(description="How like the pictures its samples are, and others are not; more is better")


class Look(Value):
    """How somebody looks: a LoRA, and what must be known to use it."""

    artifact: ArtifactId = Field(description="A LoRA as diffusers' load_lora_weights takes it: the best version")
    trigger: str = Field(description="The word that stands for it in prompts")
    phrase: str = Field(description="What to say to get it, such as: a portrait of ada")
    base: str = Field(description="Digest of the model that it was trained on")
    versions: list[LookVersion] = Field(default=[], description="The newest ones, and the best")
    stopped_at: int = Field(default=0, description="Steps of the training")
    log: ArtifactId | None = Field(default=None, description="Its course, for TensorBoard")
    samples: ArtifactId | None = Field(default=None, description="Pictures drawn with it, side by side")
    curve: ArtifactId | None = Field(default=None, description="A picture of the loss")
    captions: ArtifactId | None = Field(
        default=None, description="Its pictures by name, each with the caption it was learned under: metadata.jsonl"
    )
    made_by: list[Stamp] = []


class Voice(Value):
    """A voice that was trained."""

    artifact: ArtifactId = Field(description="Its table of style vectors, as safetensors")
    engine: str = Field(description="The speech engine that speaks with it")
    base: str = Field(description="Digest of that engine's model")
    start: str = Field(default="", description="The stock voice that it began with")
    similarity_before: float = Field(default=0, description="Of the stock voice to clips that were held out")
    similarity: float = Field(default=0, description="Of the trained voice to them; recordings of one person have 0.85")
    word_error: float = Field(default=0, description="Share of its words that are not understood")
    before: ArtifactId | None = Field(default=None, description="A sentence spoken by the stock voice")
    after: ArtifactId | None = Field(default=None, description="The same by the trained voice")
    curve: ArtifactId | None = Field(default=None, description="A picture of the loss")
    stopped_at: int = Field(default=0, description="Steps of the training")
    made_by: list[Stamp] = []


class Face(Value):
    """Where the largest face of a picture is, in its pixels."""

    x: float
    y: float
    width: float
    height: float
    score: float
    keypoints: list[tuple[float, float]] = Field(
        description="Pixels: right eye, left eye, nose tip, mouth centre, right ear, left ear"
    )
    count: int = Field(description="How many faces the picture shows")
    made_by: list[Stamp] = []


class Script(Value):
    """What is to be said, sentence by sentence."""

    title: str
    sentences: list[str] = Field(min_length=1)
    visual: str = ""
    language: Literal["en"] = "en"
    made_by: list[Stamp] = []


class Message(Value):
    """The answer of a language model."""

    text: str
    finish: Literal["stop", "length"] = Field(description="Whether it came to an end or was cut off")
    prompt_tokens: int
    tokens: int
    made_by: list[Stamp] = []


class Sentence(Value):
    """One spoken sentence: its place in the recording and what a recogniser heard in it."""

    text: str
    start: float
    end: float
    heard: str = ""
    word_error: float | None = None
    tries: int = 1


class Speech(Value):
    """A recording with its timing."""

    audio: ArtifactId = Field(description="WAV, mono, 16 bit")
    timing: ArtifactId = Field(description="JSON of spinbot.media.timing.Timing")
    seconds: float
    sample_rate: int
    sentences: list[Sentence] = []
    made_by: list[Stamp] = []


class Video(Value):
    """A video (MP4)."""

    artifact: ArtifactId
    width: int
    height: int
    fps: int
    seconds: float
    content: str = Field(
        default="", description="sha256 of the bytes before they were signed (64 hex digits); empty: never signed"
    )
    made_by: list[Stamp] = []


class Captions(Value):
    """Subtitles of a video in both common formats."""

    srt: ArtifactId
    vtt: ArtifactId


class Report(Value):
    """What was measured on a finished video."""

    scores: Scores

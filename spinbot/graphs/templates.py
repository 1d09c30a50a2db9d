"""Templates: graphs that people ask for by name."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from spinbot.errors import InputError
from spinbot.graphs.films import Scenes, Script, TalkingPortrait, VoiceOver
from spinbot.graphs.nodes.dataset import GivenPicture, GivenRecording
from spinbot.graphs.template import LARGEST, SMALLEST, Template, link, look_of
from spinbot.graphs.trainings import AUTO_CAPTION, Debut, LookTraining, VoiceTraining, captions_of, check_nodes
from spinbot.store.artifacts import ArtifactId


class Picture(Template):
    """Words become a picture."""

    name = "picture"
    prompt: str = Field(min_length=1, max_length=1000, description="What the picture shows, in English")
    width: int = Field(default=1024, ge=SMALLEST, le=LARGEST, description="Pixels")
    height: int = Field(default=1024, ge=SMALLEST, le=LARGEST, description="Pixels")
    seed: int = Field(default=0, ge=0, description="Another seed gives another picture of the same words")
    lora: ArtifactId | None = Field(default=None, description="A look that was trained: who is shown")
    consent: str = Field(
        default="", max_length=1000, description="What the person shown agreed to; stands in the Content Credentials"
    )

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        params = self.model_dump(include={"prompt", "width", "height", "seed"})
        titled = {"title": self.prompt[:200]} | ({"consent": self.consent} if self.consent else {})
        nodes = {
            **self._drawn("draw", params, look_of(self.lora)),
            "sign": {"type": "sign_image", "params": titled, "inputs": {"image": link("draw", "image")}},
        }
        return self.document(nodes, {"image": link("sign", "image")}, self.prompt)


class PictureCheck(Template):
    """Whether pictures of a person are fit to learn the look from, and what to do where they are not."""

    name = "check_pictures"
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="The pictures, as uploaded")
    side: int = Field(default=512, ge=SMALLEST, le=LARGEST, description="Pixels of the pictures that are to be learned")
    auto_caption: bool = Field(default=False, description=AUTO_CAPTION)

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        pictures = self.model_dump(mode="json")["pictures"]
        nodes = check_nodes(self, "check", pictures, self.side, self.auto_caption)
        return self.document(nodes, {"checkup": link("check", "checkup")} | captions_of(nodes))


class RecordingCheck(Template):
    """Whether recordings of a person are fit to learn the voice from, and what to do where they are not."""

    name = "check_recordings"
    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000, description="The recordings, as uploaded")

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        params = self.model_dump(mode="json", include={"recordings"})
        nodes = {"check": self.node("check_recordings", params)}
        return self.document(nodes, {"checkup": link("check", "checkup")})


TEMPLATES: dict[str, type[Template]] = {
    kind.name: kind
    for kind in (
        TalkingPortrait,
        Scenes,
        VoiceOver,
        Script,
        Picture,
        PictureCheck,
        RecordingCheck,
        LookTraining,
        VoiceTraining,
        Debut,
    )
}


def parse_size(text: str) -> tuple[int, int]:
    """`"1024x576"` as width and height in pixels. Raises `InputError` for what is none, or no size of a picture."""
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and len(text) < 12):
        raise InputError(f"{text[:20]!r} is not a size", hint="for example 1024x1024", code="bad_size")
    if not SMALLEST <= min(int(width), int(height)) <= max(int(width), int(height)) <= LARGEST:
        hint = f"sides from {SMALLEST} to {LARGEST} pixels"
        raise InputError(f"no picture of {text} can be made", hint=hint, code="bad_size")
    return int(width), int(height)

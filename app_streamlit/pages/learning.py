"""The two things that can be learned of a person, a look and a voice, and in what their trainings differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spinbot.client import Picture, Recording, Upload


@dataclass(frozen=True)
class Kind:
    """What is learned."""

    name: str
    """`look` or `voice`: of the profile's part, of the job's output, and of the node that trains."""
    files: str
    """What it is learned from; also the name of the parameter and of the node that checks them."""
    text: str
    """The field of a file that says what is in it."""
    longest: int
    """Characters of it."""
    media: tuple[str, ...]
    """Kinds of uploads."""
    accept: str
    """For the dialog in which files are chosen."""
    check: str
    """The template that checks."""
    check_params: dict[str, Any]
    train: str
    """The template that trains."""

    def given(self, upload: Upload, name: str, text: str) -> Picture | Recording:
        """An upload as something to learn from."""
        made = Picture if self.name == "look" else Recording
        return made(artifact=upload.artifact, name=name, **{self.text: text})


LOOK = Kind(
    name="look",
    files="pictures",
    text="caption",
    longest=2000,
    media=("image",),
    accept="image/png,image/jpeg,image/webp",
    check="check_pictures",
    check_params={"side": 256},  # as trainings check; videos want more of a picture
    train="train_look",
)
VOICE = Kind(
    name="voice",
    files="recordings",
    text="text",
    longest=20_000,
    media=("audio", "video"),
    accept="audio/*,video/*",
    check="check_recordings",
    check_params={},
    train="train_voice",
)
KINDS = {kind.name: kind for kind in (LOOK, VOICE)}

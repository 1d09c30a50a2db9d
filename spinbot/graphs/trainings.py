"""Templates in which somebody is learned."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.graphs.graph import SCHEMA
from spinbot.graphs.nodes.dataset import GivenPicture, GivenRecording
from spinbot.graphs.template import Template, link

LEARNED_SIDE = 256
"""Pixels of a picture below which the checkup of a training calls it small."""


class LookTraining(Template):
    """Pictures of a person become a look that this person is drawn with."""

    name = "train_look"
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="The pictures, as uploaded")
    settings: LookSettings = LookSettings()
    consent: str = Field(min_length=1, max_length=1000, description="What the person shown agreed to")

    def graph(self) -> dict[str, Any]:
        """The graph document. What is unfit among the pictures is left out; where too little is left, it fails."""
        params = self.model_dump(mode="json", include={"pictures", "consent"})
        settings = self.settings.model_dump(mode="json", exclude_unset=True)
        nodes = {
            "check": self._node("check_pictures", {"pictures": params["pictures"], "side": LEARNED_SIDE}),
            "train": self._node("train_look", params | {"settings": settings}, {"checkup": link("check", "checkup")}),
        }
        outputs = {name: link("train", name) for name in ("look", "samples", "curve")}
        return {
            "schema": SCHEMA,
            "name": self.name,
            "nodes": nodes,
            "outputs": outputs | {"checkup": link("check", "checkup")},
        }


class VoiceTraining(Template):
    """Recordings of a person become a voice that speaks for this person."""

    name = "train_voice"
    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000, description="The recordings, as uploaded")
    settings: VoiceSettings = VoiceSettings()
    consent: str = Field(min_length=1, max_length=1000, description="What the person heard agreed to")

    def graph(self) -> dict[str, Any]:
        """The graph document. What is unfit among the clips is left out; where too little is left, it fails."""
        params = self.model_dump(mode="json", include={"recordings", "consent"})
        settings = self.settings.model_dump(mode="json", exclude_unset=True)
        nodes = {
            "check": self._node("check_recordings", {"recordings": params["recordings"]}),
            "train": self._node(
                "train_voice",
                {"settings": settings, "consent": params["consent"]},
                {"checkup": link("check", "checkup")},
            ),
        }
        outputs = {name: link("train", name) for name in ("voice", "curve")}
        return {
            "schema": SCHEMA,
            "name": self.name,
            "nodes": nodes,
            "outputs": outputs | {"checkup": link("check", "checkup")},
        }

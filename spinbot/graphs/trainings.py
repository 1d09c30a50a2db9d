"""Templates in which somebody is learned."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.errors import InputError
from spinbot.graphs.films import Film, Narration, script_node
from spinbot.graphs.nodes.dataset import GivenPicture, GivenRecording
from spinbot.graphs.template import Template, link

LEARNED_SIDE = 256
"""Pixels of a picture below which the checkup of a training calls it small."""


def check_nodes(
    template: Template, name: str, pictures: list[dict[str, Any]], side: int, auto_caption: bool
) -> dict[str, Any]:
    """The node `name` that looks through pictures; and the node `describe`, where captions are to be written."""
    silent = auto_caption and not all(given["caption"].strip() for given in pictures)
    checked = {"pictures": pictures, "side": side} | ({"auto_caption": True} if silent else {})
    nodes = {name: template.node("check_pictures", checked)}
    if silent:
        shown = link(name, "checkup")
        nodes["describe"] = template.node("caption_pictures", {"pictures": pictures}, {"checkup": shown})
    return nodes


def look_nodes(
    template: Template, pictures: list[dict[str, Any]], settings: dict[str, Any], consent: str, auto_caption: bool
) -> dict[str, Any]:
    """The node `look` that trains; and before it the checkup, and the captions where they are to be written."""
    params = {"pictures": pictures, "settings": settings, "consent": consent}
    before = check_nodes(template, "pictures", pictures, LEARNED_SIDE, auto_caption)
    inputs = {"checkup": link("pictures", "checkup")}
    if "describe" in before:
        inputs["captions"] = link("describe", "captions")
    return {**before, "look": template.node("train_look", params, inputs)}


def voice_nodes(
    template: Template, recordings: list[dict[str, Any]], settings: dict[str, Any], consent: str
) -> dict[str, Any]:
    """The node `voice` that trains, and the checkup before it."""
    return {
        "recordings": template.node("check_recordings", {"recordings": recordings}),
        "voice": template.node(
            "train_voice", {"settings": settings, "consent": consent}, {"checkup": link("recordings", "checkup")}
        ),
    }


AUTO_CAPTION = "Whether a captioner describes the pictures that have no caption"


def captions_of(nodes: dict[str, Any]) -> dict[str, Any]:
    """The output `picture_captions`, where captions are to be written."""
    return {"picture_captions": link("describe", "captions")} if "describe" in nodes else {}


LOOK_OUTPUTS = {
    **{name: link("look", name) for name in ("look", "samples", "curve")},
    "checkup": link("pictures", "checkup"),
}
VOICE_OUTPUTS = {**{name: link("voice", name) for name in ("voice", "curve")}, "checkup": link("recordings", "checkup")}


class LookTraining(Template):
    """Pictures of a person become a look that this person is drawn with."""

    name = "train_look"
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="The pictures, as uploaded")
    auto_caption: bool = Field(default=False, description=AUTO_CAPTION)
    settings: LookSettings = LookSettings()
    consent: str = Field(min_length=1, max_length=1000, description="What the person shown agreed to")

    def graph(self) -> dict[str, Any]:
        """The graph document. What is unfit among the pictures is left out; where too little is left, it fails."""
        pictures = self.model_dump(mode="json")["pictures"]
        settings = self.settings.model_dump(mode="json", exclude_unset=True)
        nodes = look_nodes(self, pictures, settings, self.consent, self.auto_caption)
        return self.document(nodes, LOOK_OUTPUTS | captions_of(nodes))


class VoiceTraining(Template):
    """Recordings of a person become a voice that speaks for this person."""

    name = "train_voice"
    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000, description="The recordings, as uploaded")
    settings: VoiceSettings = VoiceSettings()
    consent: str = Field(min_length=1, max_length=1000, description="What the person heard agreed to")

    def graph(self) -> dict[str, Any]:
        """The graph document. What is unfit among the clips is left out; where too little is left, it fails."""
        recordings = self.model_dump(mode="json")["recordings"]
        nodes = voice_nodes(self, recordings, self.settings.model_dump(mode="json", exclude_unset=True), self.consent)
        return self.document(nodes, VOICE_OUTPUTS)


class Debut(Film, Narration):
    """Pictures and recordings of a person become a look, a voice, and the first video in which both are used."""

    name = "debut"
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="The pictures, as uploaded")
    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000, description="The recordings, as uploaded")
    auto_caption: bool = Field(default=False, description=AUTO_CAPTION)
    look_settings: LookSettings = LookSettings()
    voice_settings: VoiceSettings = VoiceSettings()
    consent: str = Field(min_length=1, max_length=1000, description="What the person agreed to")

    @model_validator(mode="after")
    def _portrait_or_look(self) -> Debut:
        if self.portrait or self.lora or self.trained_voice or self.voice:
            raise InputError(
                "the face and the voice are those that are trained", hint="leave portrait, lora and voice out"
            )
        return self

    def graph(self) -> dict[str, Any]:
        """The graph document: both are trained side by side while the script is written."""
        document = self._film({"script": script_node(self, self, self.seed)}, self.subject)
        document["outputs"] |= {"look": link("look", "look"), "voice": link("voice", "voice")}
        return document

    def _look(self) -> dict[str, Any]:
        settings = self.look_settings.model_dump(mode="json", exclude_unset=True)
        return look_nodes(self, self.model_dump(mode="json")["pictures"], settings, self.consent, self.auto_caption)

    def _speaker(self) -> dict[str, Any]:
        settings = self.voice_settings.model_dump(mode="json", exclude_unset=True)
        return voice_nodes(self, self.model_dump(mode="json")["recordings"], settings, self.consent)

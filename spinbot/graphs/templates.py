"""Templates: graphs that people ask for by name. A template is a pydantic model that builds a graph."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinbot.engines.image.drawn.chance import person
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.tts.base import ANY, VOICE
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.errors import InputError
from spinbot.graphs.graph import SCHEMA
from spinbot.graphs.node import NODES
from spinbot.graphs.nodes.dataset import GivenPicture, GivenRecording
from spinbot.graphs.nodes.script import check_narration
from spinbot.media.framing import frame_size
from spinbot.store.artifacts import ArtifactId

MOST_SCENES = 20
SMALLEST, LARGEST = 64, 2048
"""Pixels of a side of a picture."""
PLAIN = "looking at the camera"
"""What is said of somebody whose look was trained, where nothing else is."""
LEARNED_SIDE = 256
"""Pixels of a picture below which the checkup of a training calls it small."""
DRAWN_SIDE = 1024
"""Shorter side, in pixels, of a portrait drawn for a video: twice the video's, since it is cropped to the face."""


class Template(BaseModel):
    """Base of all templates; the fields are what a user may choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    engine: dict[str, str] = Field(default={}, description="Engine by slot, where it differs from the settings")

    @abstractmethod
    def graph(self) -> dict[str, Any]:
        """The graph document."""

    def _node(
        self, kind: str, params: dict[str, Any] | None = None, inputs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        used = (*NODES[kind].slots, *NODES[kind].inner_slots)
        engine = {slot: name for slot, name in self.engine.items() if slot in used}
        parts = {"params": params, "inputs": inputs, "engine": engine}
        return {"type": kind} | {name: part for name, part in parts.items() if part}

    def _drawn(self, name: str, params: dict[str, Any], lora: str | None) -> dict[str, Any]:
        """The node `name` that draws, of somebody whose look was trained where `lora` is given."""
        if lora is None:
            return {name: self._node("draw_image", params)}
        inputs = {"look": _link("look", "look")}
        return {
            "look": {"type": "load_look", "params": {"artifact": lora}},
            name: self._node("draw_image", params, inputs),
        }


class Narration(BaseModel):
    """What is said: about a topic, or word for word."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    topic: str = Field(default="", max_length=500, description="What to talk about; the script is written for you")
    script: str = Field(default="", description="What to say, word for word, in place of a topic")
    seconds: float = Field(default=10, ge=4, le=120, description="Length of a written script, in seconds")

    @model_validator(mode="after")
    def _topic_or_script(self) -> Narration:
        if bool(self.topic.strip()) == bool(self.script.strip()):
            raise InputError(
                "give either a topic or a script",
                hint='spinbot generate "a topic", or spinbot generate --script FILE',
                code="empty_script",
            )
        if self.script:
            check_narration(self.script)
        elif not any(character.isalpha() for character in self.topic):
            raise InputError("the topic has no word in it", hint="say in a few words what to talk about")
        return self


class Film(Template):
    """Base of the templates in which a portrait speaks."""

    portrait: ArtifactId | None = Field(default=None, description="The portrait, as it was uploaded")
    look: str = Field(
        default="", max_length=1000, description="In place of a portrait: who is to be drawn, in words; with lora: how"
    )
    lora: ArtifactId | None = Field(default=None, description="In place of a portrait: a look that was trained")
    voice: str = Field(default="", description=VOICE)
    trained_voice: ArtifactId | None = Field(default=None, description="In place of a voice: one that was trained")
    aspect: Literal["9:16", "1:1", "16:9"] = Field(default="1:1", description="Shape of the video")
    captions: Literal["burn", "srt", "none"] = Field(
        default="srt", description="burn: drawn into the picture; srt: files beside the video"
    )
    sway: float = Field(default=1.0, ge=0, le=2, description="Head movement: 0 still, 1 slight, 2 lively")
    seed: int = Field(default=0, ge=0, description="Seed of script, voice and movement")
    consent: str = Field(
        default="", max_length=1000, description="What the person shown agreed to; stands in the Content Credentials"
    )

    @model_validator(mode="after")
    def _portrait_or_look(self) -> Film:
        if (self.portrait is None) == (not self.look.strip() and self.lora is None):
            raise InputError(
                "give either a portrait or a look",
                hint='for example portrait="sha256:..." of an upload, or look="a woman with red hair"',
                code="no_portrait",
            )
        return self

    def _portrait(self) -> dict[str, Any]:
        """The node `portrait`, with those that it needs."""
        if self.portrait is not None:
            return {"portrait": {"type": "load_image", "params": {"artifact": self.portrait}}}
        width, height = frame_size(self.aspect, DRAWN_SIDE)
        asked = {"prompt": self.look or PLAIN, "width": width, "height": height, "seed": self.seed}
        return self._drawn("portrait", asked, self.lora)

    def _voice(self) -> str:
        """The voice asked for; else, of somebody who is drawn, one that suits."""
        if self.voice or not self.look or self.lora is not None:
            return self.voice
        return ANY + {"woman": "female", "man": "male"}[person(self.look, self.seed).sex]

    def _film(self, scripts: dict[str, Any]) -> dict[str, Any]:
        """The document in which the portrait speaks what the node `script`, one of `scripts`, gives."""
        speech_in = {"speech": _link("perform", "speech")}
        nodes = {
            **scripts,
            **self._portrait(),
            **_trained_voice(self.trained_voice),
            "face": self._node("find_face", inputs={"image": _link("portrait", "image")}),
            "frame": self._node(
                "frame_portrait",
                {"aspect": self.aspect},
                {"image": _link("portrait", "image"), "face": _link("face", "face")},
            ),
            # Behind the face: a portrait without one fails before any speech is made.
            "perform": self._node(
                "perform_script",
                {"voice": self._voice(), "seed": self.seed, "sway": self.sway},
                {"script": _link("script", "script"), "image": _link("frame", "image")} | _spoken(self.trained_voice),
            )
            | {"after": ["face"]},
            "captions": {"type": "caption", "inputs": speech_in},
            "finish": {
                "type": "finish_video",
                "params": {"captions": "burn" if self.captions == "burn" else "none"}
                | ({"consent": self.consent} if self.consent else {}),
                "inputs": {"video": _link("perform", "video"), "script": _link("script", "script")} | speech_in,
            },
            "score": self._node("score_video", inputs={"video": _link("finish", "video")} | speech_in),
        }
        outputs = {
            "video": _link("finish", "video"),
            "poster": _link("finish", "poster"),
            "captions": _link("captions", "captions"),
            "script": _link("script", "script"),
            "speech": _link("perform", "speech"),
            "report": _link("score", "report"),
        }
        return {"schema": SCHEMA, "name": self.name, "nodes": nodes, "outputs": outputs}


class TalkingPortrait(Film, Narration):
    """A topic (or a script) and a portrait become a talking video."""

    name = "talking_portrait"

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        return self._film({"script": _script(self, self, self.seed)})


class Scenes(Film):
    """Several scenes, each with its own topic or script, become one talking video of the same portrait and voice."""

    name = "scenes"
    scenes: list[Narration] = Field(min_length=2, max_length=MOST_SCENES, description="What is said, scene by scene")

    def graph(self) -> dict[str, Any]:
        """The graph document; scene n is written with the seed that lies n - 1 above `seed`."""
        scripts = {
            f"script-{number + 1}": _script(self, scene, self.seed + number) for number, scene in enumerate(self.scenes)
        }
        joined = {"type": "join_scripts", "inputs": {"scripts": [_link(name, "script") for name in scripts]}}
        return self._film(scripts | {"script": joined})


class VoiceOver(Template, Narration):
    """A topic (or a script) becomes a recording of a voice, without a picture."""

    name = "voice_over"
    voice: str = Field(default="", description=VOICE)
    trained_voice: ArtifactId | None = Field(default=None, description="In place of a voice: one that was trained")
    seed: int = Field(default=0, ge=0, description="Seed of script and voice")

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        nodes = {
            "script": _script(self, self, self.seed),
            **_trained_voice(self.trained_voice),
            "speech": self._node(
                "speak",
                {"voice": self.voice, "seed": self.seed},
                {"script": _link("script", "script")} | _spoken(self.trained_voice),
            ),
            "captions": {"type": "caption", "inputs": {"speech": _link("speech", "speech")}},
        }
        outputs = {
            "speech": _link("speech", "speech"),
            "captions": _link("captions", "captions"),
            "script": _link("script", "script"),
        }
        return {"schema": SCHEMA, "name": self.name, "nodes": nodes, "outputs": outputs}


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
            **self._drawn("draw", params, self.lora),
            "sign": {"type": "sign_image", "params": titled, "inputs": {"image": _link("draw", "image")}},
        }
        return {"schema": SCHEMA, "name": self.name, "nodes": nodes, "outputs": {"image": _link("sign", "image")}}


class PictureCheck(Template):
    """Whether pictures of a person are fit to learn the look from, and what to do where they are not."""

    name = "check_pictures"
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="The pictures, as uploaded")
    side: int = Field(default=512, ge=SMALLEST, le=LARGEST, description="Pixels of the pictures that are to be learned")

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        params = self.model_dump(mode="json", include={"pictures", "side"})
        nodes = {"check": self._node("check_pictures", params)}
        return {"schema": SCHEMA, "name": self.name, "nodes": nodes, "outputs": {"checkup": _link("check", "checkup")}}


class RecordingCheck(Template):
    """Whether recordings of a person are fit to learn the voice from, and what to do where they are not."""

    name = "check_recordings"
    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000, description="The recordings, as uploaded")

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        params = self.model_dump(mode="json", include={"recordings"})
        nodes = {"check": self._node("check_recordings", params)}
        return {"schema": SCHEMA, "name": self.name, "nodes": nodes, "outputs": {"checkup": _link("check", "checkup")}}


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
            "train": self._node("train_look", params | {"settings": settings}, {"checkup": _link("check", "checkup")}),
        }
        outputs = {name: _link("train", name) for name in ("look", "samples", "curve")}
        return {
            "schema": SCHEMA,
            "name": self.name,
            "nodes": nodes,
            "outputs": outputs | {"checkup": _link("check", "checkup")},
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
                {"checkup": _link("check", "checkup")},
            ),
        }
        outputs = {name: _link("train", name) for name in ("voice", "curve")}
        return {
            "schema": SCHEMA,
            "name": self.name,
            "nodes": nodes,
            "outputs": outputs | {"checkup": _link("check", "checkup")},
        }


TEMPLATES: dict[str, type[Template]] = {
    kind.name: kind
    for kind in (
        TalkingPortrait,
        Scenes,
        VoiceOver,
        Picture,
        PictureCheck,
        RecordingCheck,
        LookTraining,
        VoiceTraining,
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


def _script(template: Template, said: Narration, seed: int) -> dict[str, Any]:
    """The node whose output `script` is what is said."""
    if said.script:
        return {"type": "given_script", "params": {"text": said.script}}
    return template._node("write_script", {"topic": said.topic, "seconds": said.seconds, "seed": seed})


def _trained_voice(artifact: str | None) -> dict[str, Any]:
    """The node `voice`, where somebody's trained voice is to speak."""
    return {} if artifact is None else {"voice": {"type": "load_voice", "params": {"artifact": artifact}}}


def _spoken(artifact: str | None) -> dict[str, Any]:
    return {} if artifact is None else {"trained": _link("voice", "voice")}


def _link(node: str, output: str) -> dict[str, str]:
    return {"node": node, "output": output}

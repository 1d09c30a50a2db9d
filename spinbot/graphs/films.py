"""Templates in which somebody speaks: seen, or only heard."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinbot.engines.image.drawn.chance import person
from spinbot.engines.tts.base import ANY, VOICE
from spinbot.errors import InputError
from spinbot.graphs.nodes.script import check_narration, first_words
from spinbot.graphs.template import Template, link, look_of
from spinbot.media.framing import frame_size
from spinbot.media.words import split_sentences
from spinbot.store.artifacts import ArtifactId

MOST_SCENES = 20
PLAIN = "looking at the camera"
"""What is said of somebody whose look was trained, where nothing else is."""
DRAWN_SIDE = 1024
"""Shorter side, in pixels, of a portrait drawn for a video: twice the video's, since it is cropped to the face."""


class Narration(BaseModel):
    """What is said: about a topic, or word for word."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    topic: str = Field(default="", max_length=500, description="What to talk about; the script is written for you")
    script: str = Field(default="", description="What to say, word for word, in place of a topic")
    seconds: float = Field(default=10, ge=4, le=120, description="Length of a written script, in seconds")

    @model_validator(mode="after")
    def _topic_orscript_node(self) -> Narration:
        if bool(self.topic.strip()) == bool(self.script.strip()):
            raise InputError(
                "give either a topic or a script",
                hint='spinbot generate "a topic", or spinbot generate --script FILE',
                code="empty_script",
            )
        if self.script:
            check_narration(self.script)
        else:
            _check_topic(self.topic)
        return self

    @property
    def subject(self) -> str:
        """What it is about: the topic, or the first words of the script."""
        return self.topic if self.topic.strip() else first_words(split_sentences(self.script)[0])


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
        return self._drawn("portrait", asked, self._look())

    def _look(self) -> dict[str, Any]:
        """The node `look` with those that it needs, where the portrait is drawn of somebody whose look was trained."""
        return look_of(self.lora)

    def _speaker(self) -> dict[str, Any]:
        """The node `voice` with those that it needs, where a trained voice speaks."""
        return _trained_voice(self.trained_voice)

    def _voice(self) -> str:
        """The voice asked for; else, of somebody who is drawn, one that suits."""
        if self.voice or not self.look or self.lora is not None:
            return self.voice
        return ANY + {"woman": "female", "man": "male"}[person(self.look, self.seed).sex]

    def _film(self, scripts: dict[str, Any], title: str) -> dict[str, Any]:
        """The document in which the portrait speaks what the node `script`, one of `scripts`, gives."""
        speech_in = {"speech": link("perform", "speech")}
        speaker = self._speaker()
        nodes = {
            **scripts,
            **self._portrait(),
            **speaker,
            "face": self.node("find_face", inputs={"image": link("portrait", "image")}),
            "frame": self.node(
                "frame_portrait",
                {"aspect": self.aspect},
                {"image": link("portrait", "image"), "face": link("face", "face")},
            ),
            # Behind the face: a portrait without one fails before any speech is made.
            "perform": self.node(
                "perform_script",
                {"voice": self._voice(), "seed": self.seed, "sway": self.sway},
                {"script": link("script", "script"), "image": link("frame", "image")} | _spoken(speaker),
            )
            | {"after": ["face"]},
            "captions": {"type": "caption", "inputs": speech_in},
            "finish": {
                "type": "finish_video",
                "params": {"captions": "burn" if self.captions == "burn" else "none"}
                | ({"consent": self.consent} if self.consent else {}),
                "inputs": {"video": link("perform", "video"), "script": link("script", "script")} | speech_in,
            },
            "score": self.node("score_video", inputs={"video": link("finish", "video")} | speech_in),
        }
        outputs = {
            "video": link("finish", "video"),
            "poster": link("finish", "poster"),
            "captions": link("captions", "captions"),
            "script": link("script", "script"),
            "speech": link("perform", "speech"),
            "report": link("score", "report"),
        }
        return self.document(nodes, outputs, title)


class TalkingPortrait(Film, Narration):
    """A topic (or a script) and a portrait become a talking video."""

    name = "talking_portrait"

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        return self._film({"script": script_node(self, self, self.seed)}, self.subject)


class Scenes(Film):
    """Several scenes, each with its own topic or script, become one talking video of the same portrait and voice."""

    name = "scenes"
    scenes: list[Narration] = Field(min_length=2, max_length=MOST_SCENES, description="What is said, scene by scene")

    def graph(self) -> dict[str, Any]:
        """The graph document; scene n is written with the seed that lies n - 1 above `seed`."""
        said = enumerate(self.scenes)
        scripts = {f"script-{number + 1}": script_node(self, scene, self.seed + number) for number, scene in said}
        joined = {"type": "join_scripts", "inputs": {"scripts": [link(name, "script") for name in scripts]}}
        return self._film(scripts | {"script": joined}, self.scenes[0].subject)


class VoiceOver(Template, Narration):
    """A topic (or a script) becomes a recording of a voice, without a picture."""

    name = "voice_over"
    voice: str = Field(default="", description=VOICE)
    trained_voice: ArtifactId | None = Field(default=None, description="In place of a voice: one that was trained")
    seed: int = Field(default=0, ge=0, description="Seed of script and voice")

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        nodes = {
            "script": script_node(self, self, self.seed),
            **(speaker := _trained_voice(self.trained_voice)),
            "speech": self.node(
                "speak",
                {"voice": self.voice, "seed": self.seed},
                {"script": link("script", "script")} | _spoken(speaker),
            ),
            "captions": {"type": "caption", "inputs": {"speech": link("speech", "speech")}},
        }
        outputs = {
            "speech": link("speech", "speech"),
            "captions": link("captions", "captions"),
            "script": link("script", "script"),
        }
        return self.document(nodes, outputs, self.subject)


class Script(Template):
    """A topic becomes a script and nothing else, to be read and changed before anything is made of it."""

    name = "script"
    topic: str = Field(min_length=1, max_length=500, description="What to talk about")
    seconds: float = Field(default=10, ge=4, le=120, description="Length of the script when it is spoken, in seconds")
    seed: int = Field(default=0, ge=0, description="Another seed gives another script about the same topic")

    @model_validator(mode="after")
    def _topic_of_words(self) -> Script:
        _check_topic(self.topic)
        return self

    def graph(self) -> dict[str, Any]:
        """The graph document; a video of the same topic, length and seed takes its script from the cache."""
        nodes = {"script": _written(self, self.topic, self.seconds, self.seed)}
        return self.document(nodes, {"script": link("script", "script")}, self.topic)


def script_node(template: Template, said: Narration, seed: int) -> dict[str, Any]:
    """The node whose output `script` is what is said."""
    if said.script:
        return {"type": "given_script", "params": {"text": said.script}}
    return _written(template, said.topic, said.seconds, seed)


def _written(template: Template, topic: str, seconds: float, seed: int) -> dict[str, Any]:
    return template.node("write_script", {"topic": topic, "seconds": seconds, "seed": seed})


def _check_topic(topic: str) -> None:
    if not any(character.isalpha() for character in topic):
        raise InputError("the topic has no word in it", hint="say in a few words what to talk about")


def _trained_voice(artifact: str | None) -> dict[str, Any]:
    """The node `voice`, where somebody's trained voice is to speak."""
    return {} if artifact is None else {"voice": {"type": "load_voice", "params": {"artifact": artifact}}}


def _spoken(speaker: dict[str, Any]) -> dict[str, Any]:
    """The input of whoever speaks, by the node `voice`, if there is one."""
    return {"trained": link("voice", "voice")} if speaker else {}

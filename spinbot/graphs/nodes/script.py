"""Scripts: written by a model, or given."""

from __future__ import annotations

from typing import cast

from pydantic import Field, field_validator

from spinbot.actors.host import CallContext
from spinbot.engines.script.base import ScriptEngine
from spinbot.engines.tts.english import check_english
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.words import split_sentences

MAX_WORDS = 2000  # some 13 minutes of speech


@node("write_script", slots=("script",))
class WriteScript(Node):
    """Write a short narration about a topic."""

    topic: str = Field(min_length=1, max_length=500, description="What the narration is about")
    seconds: float = Field(default=10, ge=4, le=120, description="How long it takes to speak, in seconds")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same narration")

    class Outputs(Ports):
        """The narration."""

        script: values.Script

    def run(self, context: CallContext) -> Outputs:
        """Ask the script engine."""
        with context.engine("script") as engine:
            draft = cast(ScriptEngine, engine).write(
                self.topic, seconds=self.seconds, seed=self.seed, progress=context.progress
            )
        script = values.Script(
            title=draft.title,
            sentences=draft.sentences,
            visual=draft.visual,
            made_by=[values.Stamp(**context.stamp("script"))],
        )
        return self.Outputs(script=script)


@node("given_script")
class GivenScript(Node):
    """Take a narration as it is given, split into sentences."""

    text: str = Field(min_length=1, description="What is to be said, in English")
    title: str = Field(default="", max_length=80, description="Title of the video; empty: the first words")

    class Outputs(Ports):
        """The narration."""

        script: values.Script

    def run(self, context: CallContext) -> Outputs:
        """Split the text. Raises `InputError` where it cannot be spoken."""
        return self.foretold()

    def foretold(self) -> Outputs:
        """See `run`."""
        check_narration(self.text)
        sentences = split_sentences(self.text)
        return self.Outputs(script=values.Script(title=self.title or first_words(sentences[0]), sentences=sentences))


@node("edited_script")
class EditedScript(Node):
    """Take a narration sentence by sentence as it is given, as after an edit of one of them."""

    sentences: list[str] = Field(min_length=1, description="What is to be said, in English, one sentence each")
    title: str = Field(default="", max_length=80, description="Title of the video; empty: the first words")
    visual: str = Field(default="", description="What the picture shows")
    models: list[dict[str, str]] = Field(
        default=[], description="Engines that wrote the text before the edit: slot, engine, weights of each"
    )

    class Outputs(Ports):
        """The narration."""

        script: values.Script

    @field_validator("models")
    @classmethod
    def _stamps(cls, models: list[dict[str, str]]) -> list[dict[str, str]]:
        return [values.Stamp(**model).model_dump() for model in models]

    def run(self, context: CallContext) -> Outputs:
        """Check each sentence. Raises `InputError` where one cannot be spoken."""
        return self.foretold()

    def foretold(self) -> Outputs:
        """See `run`."""
        check_sentences(self.sentences)
        script = values.Script(
            title=self.title or first_words(self.sentences[0]),
            sentences=self.sentences,
            visual=self.visual,
            made_by=[values.Stamp(**model) for model in self.models],
        )
        return self.Outputs(script=script)


@node("join_scripts")
class JoinScripts(Node):
    """Put narrations after each other, as the scenes of one video."""

    scripts: list[values.Script]
    title: str = Field(default="", max_length=80, description="Title of the video; empty: that of the first script")

    class Outputs(Ports):
        """The whole narration."""

        script: values.Script

    def run(self, context: CallContext) -> Outputs:
        """Join them. Raises `InputError` where there is none, or the whole is too long to be spoken."""
        return self.foretold()

    def foretold(self) -> Outputs:
        """See `run`."""
        if not self.scripts:
            raise InputError("there is no script to join", hint="link at least one script")
        sentences = [sentence for script in self.scripts for sentence in script.sentences]
        check_sentences(sentences)
        script = values.Script(
            title=self.title or self.scripts[0].title,
            sentences=sentences,
            visual=next((script.visual for script in self.scripts if script.visual), ""),
            made_by=values.unique_stamps(stamp for script in self.scripts for stamp in script.made_by),
        )
        return self.Outputs(script=script)


def check_sentences(sentences: list[str]) -> None:
    """Refuse a narration of which any sentence, or the whole, cannot be spoken. Raises `InputError`."""
    for sentence in sentences:
        check_narration(sentence)
    check_narration(" ".join(sentences))


def check_narration(text: str) -> None:
    """Refuse a text that cannot be spoken: empty, too long or not English. Raises `InputError`."""
    words = len(text.split())
    if words > MAX_WORDS:
        raise InputError(
            f"the script has {words:,} words; the limit is {MAX_WORDS:,}",
            hint="split it into several videos",
            code="script_too_long",
        )
    if not any(character.isalnum() for character in text):
        raise InputError("the script has no word to speak", hint="write at least one sentence", code="empty_script")
    check_english(text)


def first_words(sentence: str) -> str:
    """The title of what begins with this sentence, where it has no other."""
    return " ".join(sentence.split()[:8])[:80]

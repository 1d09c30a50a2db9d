"""Speech: speak a script, or time a recording that came from elsewhere."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.asr.base import AsrEngine
from spinbot.engines.tts.base import VOICE, TtsEngine
from spinbot.engines.tts.narrate import Narration, narrate, padded
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.audio import read_audio, write_wav
from spinbot.media.timing import Timing
from spinbot.store.artifacts import ArtifactId


@node("speak", version=2, slots=("tts", "asr"))
class Speak(Node):
    """Speak a script sentence by sentence, listen to each sentence, and speak a misread one again."""

    script: values.Script
    voice: str = Field(default="", description=VOICE)
    trained: values.Voice | None = None
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1 is natural")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same speech")

    class Outputs(Ports):
        """The recording."""

        speech: values.Speech

    def run(self, context: CallContext) -> Outputs:
        """Narrate with read-back. Raises `NotFoundError` for an unknown voice."""
        with context.engine("tts") as tts, context.engine("asr") as asr:
            speaker = cast(TtsEngine, tts)
            narration = narrate(
                speaker,
                cast(AsrEngine, asr),
                self.script.sentences,
                voice=chosen(context, speaker, self.voice, self.trained),
                speed=self.speed,
                seed=self.seed,
                progress=context.progress,
            )
        before = [*self.script.made_by, *stamp_of(self.trained)]
        return self.Outputs(speech=_stored(narration, context, before))


@node("speak_sentence", slots=("tts", "asr"))
class SpeakSentence(Node):
    """Speak one sentence as a segment of a video, with silence around it up to a whole number of frames.

    Knows nothing of its neighbours: when one of them is edited, this one's result still holds.
    """

    text: str = Field(min_length=1, description="The sentence")
    voice: str = Field(default="", description=VOICE)
    trained: values.Voice | None = None
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1 is natural")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same speech")
    lead_s: float = Field(
        default=0.1, ge=0, le=2, description="Silence before it, in which the lips open ahead of the sound"
    )
    pause_s: float = Field(default=0.25, ge=0, le=10, description="Silence after it, in seconds, at least")
    fps: int = Field(default=25, ge=10, le=60, description="Frames per second of the video that it is for")

    class Outputs(Ports):
        """The recording."""

        speech: values.Speech

    def run(self, context: CallContext) -> Outputs:
        """Narrate with read-back. Raises `NotFoundError` for an unknown voice."""
        with context.engine("tts") as tts, context.engine("asr") as asr:
            speaker = cast(TtsEngine, tts)
            narration = narrate(
                speaker,
                cast(AsrEngine, asr),
                [self.text],
                voice=chosen(context, speaker, self.voice, self.trained),
                speed=self.speed,
                seed=self.seed,
                progress=context.progress,
            )
        segment = padded(narration, lead_s=self.lead_s, pause_s=self.pause_s, fps=self.fps)
        return self.Outputs(speech=_stored(segment, context, stamp_of(self.trained)))


@node("load_speech", version=2, slots=("asr",))
class LoadSpeech(Node):
    """Take a recording as it is and find out by recognition when each word is said."""

    artifact: ArtifactId = Field(description="The recording, in any common format")

    class Outputs(Ports):
        """The recording, and what is said in it."""

        speech: values.Speech
        script: values.Script

    def run(self, context: CallContext) -> Outputs:
        """Decode and transcribe. Raises `InputError` for what is no sound."""
        samples, rate = read_audio(context.artifacts.path(self.artifact))
        with context.engine("asr") as engine:
            heard = cast(AsrEngine, engine).transcribe(samples, rate, context.progress)
        wav = context.scratch / "speech.wav"
        write_wav(wav, samples, rate)
        timing = Timing(words=list(heard.words))
        stamps = [values.Stamp(**context.stamp("asr"))]
        speech = values.Speech(
            audio=context.artifacts.put_file(wav),
            timing=context.artifacts.put_bytes(timing.model_dump_json().encode()),
            seconds=len(samples) / rate,
            sample_rate=rate,
            made_by=stamps,
        )
        text = heard.text.strip() or "(no words)"
        script = values.Script(title=" ".join(text.split()[:8])[:80], sentences=[text], made_by=stamps)
        return self.Outputs(speech=speech, script=script)


def chosen(context: CallContext, speaker: TtsEngine, voice: str, trained: values.Voice | None) -> str:
    """The voice that is linked, else the one that is named. Raises `InputError` (`other_base`)."""
    if trained is None:
        return speaker.named(voice)
    if (trained.engine, trained.base) != (speaker.name, context.stamp("tts")["weights"]):
        raise InputError(
            f"the voice was trained for {trained.engine}, and {speaker.name} is to speak, or another model of it",
            hint=f"use the engine tts={trained.engine}, or train the voice again",
            code="other_base",
        )
    return speaker.bring(context.artifacts.path(trained.artifact))


def stamp_of(trained: values.Voice | None) -> list[values.Stamp]:
    """That a trained voice had a hand in it."""
    return [values.Stamp(slot="voice", engine=trained.engine, weights=trained.artifact)] if trained else []


def _stored(narration: Narration, context: CallContext, before: list[values.Stamp]) -> values.Speech:
    """The narration as artifacts; `before`: the stamps of what it was made from."""
    wav = context.scratch / "speech.wav"
    write_wav(wav, narration.samples, narration.sample_rate)
    for sentence in narration.sentences:
        if sentence.tries > 1:
            context.note(f"spoken {sentence.tries} times until it was understood: {sentence.text}")
    return values.Speech(
        audio=context.artifacts.put_file(wav),
        timing=context.artifacts.put_bytes(narration.timing.model_dump_json().encode()),
        seconds=len(narration.samples) / narration.sample_rate,
        sample_rate=narration.sample_rate,
        sentences=[values.Sentence(**vars(sentence)) for sentence in narration.sentences],
        made_by=[*before, values.Stamp(**context.stamp("tts")), values.Stamp(**context.stamp("asr"))],
    )

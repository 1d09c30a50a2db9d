"""Voices: recordings of somebody become a voice that scripts are spoken with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.asr.base import AsrEngine
from spinbot.engines.lora_trainer.curve import write_curve
from spinbot.engines.tts.trained import read_header
from spinbot.engines.voice_trainer.base import Look, Recording, Samples, VoiceTrainer
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.look import require_go
from spinbot.media.audio import normalise, read_audio, write_wav
from spinbot.store.artifacts import ArtifactId

LOUDNESS = -23.0
"""LUFS to which clips are brought: EBU R 128's programme loudness."""


@node("train_voice", slots=("voice_trainer", "asr"))
class TrainVoice(Node):
    """Fit a voice to recordings of somebody. Goes on from its last checkpoint, wherever it was stopped."""

    checkup: values.VoiceCheckup
    settings: VoiceSettings = VoiceSettings()
    consent: str = Field(min_length=1, max_length=1000, description="What the person heard agreed to")

    class Outputs(Ports):
        """The voice, and the course of the training."""

        voice: values.Voice
        curve: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Train. Raises `InputError` (`not_fit`) where the checkup found that nothing can be learned."""
        require_go(self.checkup.checkup)
        watch = _Watch(context)
        stamp = values.Stamp(**context.stamp("voice_trainer"))
        with context.engine("voice_trainer") as engine, context.engine("asr") as listener:
            trainer = cast(VoiceTrainer, engine)
            recogniser = cast(AsrEngine, listener)

            def hear(samples: Samples, rate: int) -> str:
                return recogniser.transcribe(samples, rate, lambda *_: None).text

            base = context.weights("tts", trainer.speaks_with)
            trained = trainer.train(
                self._recordings(context), self.settings, context.scratch, watch, hear, watch.left_off(), base
            )
        first, best = trained.looks[0], trained.best
        curve = context.scratch / "curve.png"
        write_curve(curve, trained.losses, [(look.step, look.similarity) for look in trained.looks])
        voice = values.Voice(
            artifact=trained.file,
            engine=trainer.speaks_with,
            base=base,
            start=trained.start,
            similarity_before=first.similarity,
            similarity=best.similarity,
            word_error=best.word_error,
            before=_sound(context, "before", trained.before, trained.rate),
            after=_sound(context, "after", trained.after, trained.rate),
            stopped_at=len(trained.losses),
            made_by=[stamp],
        )
        return self.Outputs(voice=voice, curve=values.image_of(context.artifacts.put_file(curve), curve))

    def _recordings(self, context: CallContext) -> list[Recording]:
        """The clips that were found fit, at one loudness."""
        found, sounds = [], dict[str, tuple[Samples, int]]()
        for clip in self.checkup.clips:
            if clip.artifact not in sounds:
                sounds = {clip.artifact: read_audio(context.artifacts.path(clip.artifact))}
            samples, rate = sounds[clip.artifact]
            part = samples[round(clip.start * rate) : round(clip.end * rate)]
            found.append(Recording(normalise(part, rate, target=LOUDNESS), rate))
        return found


@node("load_voice")
class LoadVoice(Node):
    """Bring a trained voice into the graph."""

    artifact: ArtifactId = Field(description="The safetensors file")

    class Outputs(Ports):
        """The voice."""

        voice: values.Voice

    def run(self, context: CallContext) -> Outputs:
        """Read the header. Raises `InputError` (`no_voice`) for a file that spinbot has not trained."""
        header = read_header(context.artifacts.path(self.artifact))
        return self.Outputs(voice=values.Voice(artifact=self.artifact, **header))


class _Watch:
    """See `VoiceWatch`: files become artifacts, and a checkpoint the node's own."""

    def __init__(self, context: CallContext) -> None:
        self._context = context
        self._saved: dict[str, Any] = context.checkpoint or {}
        self.progress = context.progress

    def left_off(self) -> Path | None:
        """The checkpoint of an earlier attempt."""
        artifact = self._saved.get("checkpoint")
        if artifact is None or artifact not in self._context.artifacts:
            return None
        self._context.note(f"goes on after step {self._saved['step']}")
        return self._context.artifacts.path(artifact)

    def keep(self, file: Path) -> str:
        """See `VoiceWatch.keep`."""
        return self._context.artifacts.put_file(file)

    def checkpoint(self, file: Path, step: int) -> None:
        """See `VoiceWatch.checkpoint`."""
        self._context.save({"checkpoint": self.keep(file), "step": step})

    def looked(self, look: Look) -> None:
        """See `VoiceWatch.looked`."""
        self._context.note(
            f"after step {look.step}: similarity {look.similarity:.3f}, word error {look.word_error:.1%}"
        )


def _sound(context: CallContext, name: str, samples: Samples, rate: int) -> str:
    file = context.scratch / f"{name}.wav"
    write_wav(file, samples, rate)
    return context.artifacts.put_file(file)

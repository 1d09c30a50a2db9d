"""Voices: recordings of somebody become a voice that scripts are spoken with."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.asr.base import AsrEngine
from spinbot.engines.curve import write_curve
from spinbot.engines.tts.trained import read_header
from spinbot.engines.voice_trainer.base import Evaluation, Recording, Samples, VoiceTrainer
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.training import Course, require_go, stored_image
from spinbot.media.audio import normalise, read_audio, write_wav
from spinbot.media.denoise import denoise
from spinbot.media.voice_set import LISTENED_S
from spinbot.store.artifacts import ArtifactId

LOUDNESS = -23.0
"""LUFS to which clips are brought: EBU R 128's programme loudness."""


@node("train_voice", version=2, slots=("voice_trainer", "asr"))
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
        course = _Voice(context)
        stamp = values.Stamp(**context.stamp("voice_trainer"))
        with context.engine("voice_trainer") as engine, context.engine("asr") as listener:
            trainer = cast(VoiceTrainer, engine)
            recogniser = cast(AsrEngine, listener)

            def hear(samples: Samples, rate: int) -> str:
                return recogniser.transcribe(samples, rate, lambda *_: None).text

            base = context.weights("tts", trainer.speaks_with)
            trained = trainer.train(
                self._recordings(context), self.settings, context.scratch, course, hear, course.left_off(), base
            )
        first, best = trained.evaluations[0], trained.best
        curve = context.scratch / "curve.png"
        scores = [(one.step, one.similarity) for one in trained.evaluations]
        write_curve(curve, trained.losses, scores, "similarity to clips that were held out")
        course_shown = stored_image(context, curve)
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
            curve=course_shown.artifact,
            stopped_at=len(trained.losses),
            made_by=[stamp],
        )
        return self.Outputs(voice=voice, curve=course_shown)

    def _recordings(self, context: CallContext) -> list[Recording]:
        """The clips that were found fit, with less noise and at one loudness."""
        found, sounds = [], dict[str, tuple[Samples, int]]()
        for clip in self.checkup.clips:
            if clip.artifact not in sounds:
                sound, own_rate = read_audio(context.artifacts.path(clip.artifact), LISTENED_S)
                sounds = {clip.artifact: (denoise(sound, own_rate), own_rate)}
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


class _Voice(Course):
    """See `VoiceWatch`."""

    def evaluated(self, evaluation: Evaluation) -> None:
        """See `VoiceWatch.evaluated`."""
        self.context.note(
            f"after step {evaluation.step}: similarity {evaluation.similarity:.3f}, "
            f"word error {evaluation.word_error:.1%}"
        )
        self.figures(evaluation.step, {"similarity": evaluation.similarity, "word_error": evaluation.word_error})

    def spoken(self, step: int, samples: Samples, rate: int) -> None:
        """See `VoiceWatch.spoken`."""
        caption = f"the best so far, after step {step}" if step else "before: the stock voice that it begins with"
        self.context.preview(_sound(self.context, "spoken", samples, rate), caption, "audio", step=step)


def _sound(context: CallContext, name: str, samples: Samples, rate: int) -> str:
    file = context.scratch / f"{name}.wav"
    write_wav(file, samples, rate)
    return context.artifacts.put_file(file)

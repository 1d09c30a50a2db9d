"""The engine `kokoro-style`: the style vectors of Kokoro are moved until its speech has the speaker's voice.

Kokoro's voice is a table of 510 vectors, one for each length of a sentence; 128 numbers of a vector are for the timbre,
128 for rhythm and melody (StyleTTS 2, Li et al. 2023, arXiv 2306.07691). One difference is added to all of them. It is
found by gradient: the model's graph is run in PyTorch (`onnx_graph`), the speaker encoder (`speaker/ge2e`) compares
what it says with the recordings, and the derivative of the similarity goes back through both. That finds in 50 steps
what a search without gradients does not in hundreds: with one speaker 0.69 became 0.86 in 48 steps of some 4 s, where
50 trials of a random walk gained 0.08 with a score of the trials themselves.

The difference is held near nothing, and a version that is understood worse than the settings allow is not taken:
else the speaker encoder would be pleased by what no ear takes for speech.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spinbot.engines import checkpoint
from spinbot.engines.base import Progress
from spinbot.engines.chance import dice, noise
from spinbot.engines.curve import live
from spinbot.engines.speaker.base import Vector, similarity
from spinbot.engines.speaker.ge2e import Ge2eEncoder, embedding, mel
from spinbot.engines.tts.kokoro import SAMPLE_RATE, KokoroEngine
from spinbot.engines.tts.trained import write_voice
from spinbot.engines.voice_trainer.base import (
    Evaluation,
    Hear,
    Recording,
    Samples,
    TrainedVoice,
    VoiceTrainer,
    VoiceWatch,
)
from spinbot.engines.voice_trainer.onnx_graph import OnnxGraph
from spinbot.engines.voice_trainer.sentences import FITTED, JUDGED
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.errors import InputError, NodeError
from spinbot.media.words import word_error_rate

HELD_OUT = 5
"""Every fifth clip is for judging only."""
MEAN = 0.85
"""What is kept of the running mean of the difference at a step: single steps follow single sentences."""
LONGEST_GRADIENT = 10.0
LARGE = 1 << 16
"""Numbers of a tensor; weights are below it, or shared, and are not kept by the gradient of the style."""
PREPARED = 0.15
"""Share of the progress that is told for what comes before the first step."""


class KokoroStyleTrainer(VoiceTrainer):
    """Fits Kokoro's style to a speaker."""

    name: ClassVar[str] = "kokoro-style"
    speaks_with: ClassVar[str] = KokoroEngine.name
    requires: ClassVar[tuple[str, ...]] = (*KokoroEngine.requires, *Ge2eEncoder.requires)

    def load(self, progress: Progress) -> None:
        """See `Engine.load`. Kokoro is loaded twice: as it speaks, and as its graph can be derived (350 MB)."""
        self.speech = KokoroEngine(self.models, threads=self.threads)
        self.speech.load(progress)
        self.encoder = Ge2eEncoder(self.models, threads=self.threads)
        self.encoder.load(progress)
        self.graph = OnnxGraph((self.models(KokoroEngine.requires[0]) / "kokoro.onnx").read_bytes())

    def unload(self) -> None:
        """See `Engine.unload`."""
        self.speech.unload()
        self.encoder.unload()
        del self.graph

    def train(
        self,
        recordings: Sequence[Recording],
        settings: VoiceSettings,
        folder: Path,
        watch: VoiceWatch,
        hear: Hear,
        resume: Path | None,
        weights: str = "",
    ) -> TrainedVoice:
        """See `VoiceTrainer.train`."""
        return _Fitting(self, recordings, settings, folder, watch, hear).run(resume, weights)


class _Fitting:
    """One training."""

    def __init__(
        self,
        engine: KokoroStyleTrainer,
        recordings: Sequence[Recording],
        settings: VoiceSettings,
        folder: Path,
        watch: VoiceWatch,
        hear: Hear,
    ) -> None:
        import torch

        self._speech, self._encoder, self._graph = engine.speech, engine.encoder, engine.graph
        self._settings, self._folder, self._watch, self._hear = settings, folder, watch, hear
        vectors = []
        for number, clip in enumerate(recordings):
            watch.progress(PREPARED * 0.5 * number / len(recordings), f"clip {number + 1} of {len(recordings)}")
            vectors.append(self._encoder.embed(clip.samples, clip.rate))
        judged = vectors[::HELD_OUT] if len(vectors) >= HELD_OUT else vectors
        fitted = [vector for i, vector in enumerate(vectors) if i % HELD_OUT] if len(vectors) >= HELD_OUT else vectors
        self._target, self._judge = _middle(fitted), _middle(judged)
        self._difference = torch.zeros(256, requires_grad=True)
        self._mean = torch.zeros(256)
        self._optimiser = torch.optim.Adam([self._difference], lr=settings.learning_rate)
        self._step = 0
        self._losses: list[tuple[int, float]] = []
        self._evaluations: list[Evaluation] = []
        self._best = torch.zeros(256)

    def run(self, resume: Path | None, weights: str) -> TrainedVoice:
        settings = self._settings
        if resume is None:
            self._begin(self._most_alike())
            self._evaluate()
        else:
            self._resume(resume)
        saved = time.monotonic()
        while self._step < settings.max_train_steps and not self._no_better():
            loss = self._learn()
            self._step += 1
            self._losses.append((self._step, loss))
            if (mean := live(self._losses, settings.max_train_steps)) is not None:
                learning_rate = self._optimiser.param_groups[0]["lr"]
                self._watch.figures(self._step, {"loss": mean, "learning_rate": learning_rate})
            share = PREPARED + (1 - PREPARED) * self._step / settings.max_train_steps
            self._watch.progress(share, f"step {self._step} of {settings.max_train_steps}, similarity {1 - loss:.3f}")
            if self._step % settings.evaluate_every_n_steps == 0 or self._step == settings.max_train_steps:
                self._evaluate()
                saved = -math.inf  # what was evaluated must not be evaluated again
            if time.monotonic() - saved > settings.checkpoint_seconds and self._step < settings.max_train_steps:
                self._save()
                saved = time.monotonic()
        self._mean = self._best
        after = self._say(JUDGED[0])
        self._mean = self._best * 0
        before = self._say(JUDGED[0])
        file = self._folder / "voice.safetensors"
        write_voice(file, self._speech.name, weights, self._pack + self._best.numpy())
        return TrainedVoice(
            self._watch.keep(file),
            self._start,
            self._best_evaluation(),
            self._evaluations,
            self._losses,
            before,
            after,
            SAMPLE_RATE,
        )

    def _begin(self, start: str) -> None:
        self._start, self._pack = start, self._speech.pack(start)

    def _most_alike(self) -> str:
        """The stock voice that is most like the speaker's, or the one that is set."""
        offered = [voice.name for voice in self._speech.voices()]
        wanted = self._settings.start
        if wanted and wanted not in offered:
            raise InputError(f"there is no stock voice {wanted!r}", hint=f"voices: {', '.join(offered)}")
        if wanted:
            return wanted
        found = {}
        for number, name in enumerate(offered):
            self._watch.progress(PREPARED * (0.5 + 0.5 * number / len(offered)), f"listening to {name}")
            self._begin(name)
            found[name] = self._likeness([self._say(text) for text in JUDGED[:2]])
        return max(found, key=lambda name: found[name])

    def _likeness(self, spoken: Sequence[Samples]) -> float:
        """Mean similarity to the clips that are held out."""
        return float(np.mean([similarity(self._encoder.embed(one, SAMPLE_RATE), self._judge) for one in spoken]))

    def _say(self, text: str) -> Samples:
        """The sentence by the voice as it is, by Kokoro itself."""
        self._speech.bring_pack("fitted", self._pack + self._mean.numpy())
        return self._speech.speak(text, voice="fitted", speed=1.0, seed=0, progress=self._listening).samples

    def _listening(self, fraction: float, message: str) -> None:
        self._watch.progress(self._share(), "listening to the voice")

    def _share(self) -> float:
        return PREPARED + (1 - PREPARED) * self._step / self._settings.max_train_steps

    def _evaluate(self) -> None:
        """See how the running mean does on sentences and clips that it was not fitted with."""
        spoken = [self._say(text) for text in JUDGED]
        heard = [self._hear(one, SAMPLE_RATE) for one in spoken]
        errors = [word_error_rate(text, words) for text, words in zip(JUDGED, heard, strict=True)]
        likeness, error = self._likeness(spoken), float(np.mean(errors))
        self._evaluations.append(Evaluation(self._step, round(likeness, 4), round(error, 4)))
        self._watch.evaluated(self._evaluations[-1])
        if self._evaluations[-1] == self._best_evaluation():
            self._best = self._mean.clone()
            self._watch.spoken(self._step, spoken[0], SAMPLE_RATE)

    def _best_evaluation(self) -> Evaluation:
        """The one most alike of those that are understood as well as asked, or as the stock voice is."""
        bound = max(self._settings.max_word_error, self._evaluations[0].word_error)
        fit = (one for one in self._evaluations if one.word_error <= bound)
        return max(fit, key=lambda one: one.similarity)

    def _no_better(self) -> bool:
        patience = self._settings.patience
        past = len(self._evaluations) > patience
        return bool(patience) and past and self._best_evaluation() not in self._evaluations[-patience:]

    def _learn(self) -> float:
        """One change of the difference; answers its loss, 1 - similarity. Raises `NodeError`."""
        import torch

        settings = self._settings
        again, place = divmod(self._step, len(FITTED))
        order = list(FITTED)
        dice(settings.seed, "sentences", again).shuffle(order)
        tokens, row = self._speech.tokens(order[place])
        shaken = torch.randn(256, generator=noise(settings.seed, "style", self._step)) * settings.noise
        style = torch.from_numpy(self._pack[row]) + self._difference + shaken
        given = {"tokens": torch.from_numpy(tokens), "style": style[None], "speed": torch.ones(1)}
        with torch.autograd.graph.saved_tensors_hooks(_small, _whole):
            [sound] = self._graph.run(given, ["audio"])
        found = embedding(self._encoder.network, mel(sound.reshape(-1), SAMPLE_RATE))
        told = 1 - found @ torch.from_numpy(self._target)
        loss = told + settings.steadiness * self._difference.square().sum()
        loss.backward()
        if not torch.isfinite(self._difference.grad).all():
            raise NodeError(
                f"the loss was {loss.item()} at step {self._step + 1}",
                hint=f"lower learning_rate (it is {settings.learning_rate:g})",
                code="loss_not_finite",
            )
        torch.nn.utils.clip_grad_norm_([self._difference], LONGEST_GRADIENT)
        share = self._step / settings.max_train_steps
        self._optimiser.param_groups[0]["lr"] = settings.learning_rate * (0.5 + 0.5 * math.cos(math.pi * share))
        self._optimiser.step()
        self._optimiser.zero_grad()
        keep = min(MEAN, (1 + self._step) / (2 + self._step))
        self._mean = self._mean.lerp(self._difference.detach(), 1 - keep)
        return float(told.detach())

    def _save(self) -> None:
        file = self._folder / "checkpoint.safetensors"
        numbers = {
            "step": self._step,
            "start": self._start,
            "losses": self._losses,
            "evaluations": [asdict(one) for one in self._evaluations],
        }
        weights = {"difference": self._difference.detach(), "best": self._best}
        checkpoint.write(file, weights, {"difference": self._mean}, self._optimiser, numbers)
        self._watch.checkpoint(file, self._step)

    def _resume(self, file: Path) -> None:
        weights, mean, numbers = checkpoint.read(file, self._optimiser)
        self._difference.data.copy_(weights["difference"])
        self._best, self._mean = weights["best"], mean["difference"]
        self._step = numbers["step"]
        self._losses = [(step, loss) for step, loss in numbers["losses"]]
        self._evaluations = [Evaluation(**one) for one in numbers["evaluations"]]
        self._begin(numbers["start"])


def _small(kept: Any) -> Any:
    """What the gradient needs of large tensors is kept in half the bytes: 2 s of speech take 2 GB in place of 4."""
    import torch

    return kept.to(torch.bfloat16) if kept.dtype == torch.float32 and kept.numel() > LARGE else kept


def _whole(kept: Any) -> Any:
    return kept.float() if str(kept.dtype) == "torch.bfloat16" else kept


def _middle(vectors: Sequence[Vector]) -> Vector:
    mean = np.mean(vectors, axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)

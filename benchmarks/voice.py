"""Voice training: how much more like a real speaker Kokoro becomes, whether it is still understood, and in what time.

Speakers are those of Debian's packages asterisk-core-sounds-en-g722 (Allison Smith) and asterisk-core-sounds-it-g722
(Carlo, whose Italian says nothing to an English recogniser, but whose voice can be learned all the same). Every fifth
clip is held out from the training; six sentences that it never uses are spoken by each stock voice and by the trained
one, and compared with these clips by the speaker encoder, and with their text by Whisper.

    python benchmarks/voice.py [--speakers Allison Carlo] [--seeds 0 1 2] [--minutes 3] [--steps N]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from spinbot.config import Settings
from spinbot.engines.asr.whisper import WhisperTinyEngine
from spinbot.engines.base import no_progress
from spinbot.engines.speaker.base import similarity
from spinbot.engines.speaker.ge2e import Ge2eEncoder
from spinbot.engines.tts.kokoro import KokoroEngine
from spinbot.engines.voice_trainer.base import Evaluation, Recording
from spinbot.engines.voice_trainer.kokoro_style import KokoroStyleTrainer
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.media.audio import read_audio
from spinbot.media.words import word_error_rate

SOUNDS = Path("/usr/share/asterisk/sounds")
SPEAKERS = {"Allison": "en_US_f_Allison", "Carlo": "it_IT_m_Carlo"}
SENTENCES = (
    "Yesterday the children found a rusty key in the attic.",
    "There is nothing wrong with asking for a second opinion.",
    "The committee meets on the first Monday of every month.",
    "Somewhere beyond the hills a dog began to bark.",
    "If you follow the path to the left, you will see the lake.",
    "Her answer was so quiet that hardly anyone heard it.",
)
RISE, ERRORS, SECONDS = 0.12, 0.08, 720.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", nargs="+", choices=SPEAKERS, default=list(SPEAKERS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=3.0, help="of recordings that are learned from")
    parser.add_argument("--steps", type=int, help="of the training; the default of the settings")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    encoder = loaded(Ge2eEncoder(models, threads=options.threads))
    speech = loaded(KokoroEngine(models, threads=options.threads))
    recogniser = loaded(WhisperTinyEngine(models, threads=options.threads))
    trainer = loaded(KokoroStyleTrainer(models, threads=options.threads))

    def hear(samples: np.ndarray, rate: int) -> str:
        return recogniser.transcribe(samples, rate, no_progress).text

    rises, errors, seconds = [], [], []
    for name in options.speakers:
        clips = recordings(SOUNDS / SPEAKERS[name])
        held_out = middle([encoder.embed(clip.samples, clip.rate) for clip in clips[::5]])
        learned = first([clip for i, clip in enumerate(clips) if i % 5], 60 * options.minutes)
        stock = {voice.name: judged(speech, voice.name, encoder, held_out, hear)[0] for voice in KokoroEngine.voices()}
        best = max(stock, key=lambda voice: stock[voice])
        print(f"{name}: {len(learned)} clips learned, {len(clips[::5])} held out; best stock voice {best}")
        for seed in options.seeds:
            more = {"max_train_steps": options.steps} if options.steps else {}
            with tempfile.TemporaryDirectory() as scratch:
                watch = Quiet(Path(scratch))
                began, worked = time.monotonic(), time.process_time()
                trained = trainer.train(learned, VoiceSettings(seed=seed, **more), Path(scratch), watch, hear, None)
                seconds.append(time.monotonic() - began)
                worked = time.process_time() - worked
                voice = speech.bring(Path(trained.file))
            likeness, error = judged(speech, voice, encoder, held_out, hear)
            rises.append(likeness - stock[best])
            errors.append(error)
            print(
                f"  seed {seed}: similarity {stock[best]:.3f} -> {likeness:.3f} ({rises[-1]:+.3f}), word error "
                f"{error:.1%}, {seconds[-1]:.0f} s ({worked:.0f} s of a core), best at step {trained.best.step}",
                flush=True,
            )
        own = rises[-len(options.seeds) :]
        print(f"  rise {np.mean(own):.3f}, spread {np.std(own):.3f} over {len(own)} seeds")
    missed = [
        not bar(f"similarity rises by {np.mean(rises):.3f}, least {min(rises):.3f} ({RISE})", min(rises) >= RISE),
        not bar(f"word error {max(errors):.1%} at most ({ERRORS:.0%})", max(errors) <= ERRORS),
        not bar(f"longest training {max(seconds):.0f} s ({SECONDS:.0f})", max(seconds) <= SECONDS),
    ]
    return any(missed)


def recordings(folder: Path) -> list[Recording]:
    """Prompts of 2 to 9 s, in an order by chance that is always the same."""
    files = sorted(folder.glob("*.g722"))
    random.Random(0).shuffle(files)
    found = [Recording(*read_audio(file)) for file in files]
    return [clip for clip in found if 2 <= len(clip.samples) / clip.rate <= 9]


def first(clips: list[Recording], seconds: float) -> list[Recording]:
    found, total = [], 0.0
    for clip in clips:
        if total < seconds:
            found.append(clip)
            total += len(clip.samples) / clip.rate
    return found


def judged(
    speech: KokoroEngine, voice: str, encoder: Ge2eEncoder, truth: np.ndarray, hear: Callable[[np.ndarray, int], str]
) -> tuple[float, float]:
    """Mean similarity and word error of a voice over the sentences."""
    likeness, errors = [], []
    for text in SENTENCES:
        spoken = speech.speak(text, voice=voice, speed=1.0, seed=0, progress=no_progress)
        likeness.append(similarity(encoder.embed(spoken.samples, spoken.sample_rate), truth))
        errors.append(word_error_rate(text, hear(spoken.samples, spoken.sample_rate)))
    return float(np.mean(likeness)), float(np.mean(errors))


def middle(vectors: list[np.ndarray]) -> np.ndarray:
    mean = np.mean(vectors, axis=0)
    return mean / np.linalg.norm(mean)


def loaded(engine):
    engine.load(no_progress)
    return engine


def models(name: str) -> Path:
    return Settings().models_dir / name


def bar(text: str, passed: bool) -> bool:
    print(f"{'pass' if passed else 'FAIL'}  {text}")
    return passed


class Quiet:
    """A `VoiceWatch` that prints how like the voice is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def progress(self, fraction: float, message: str) -> None: ...

    def keep(self, file: Path) -> str:
        kept = self.folder / hashlib.sha256(file.read_bytes()).hexdigest()  # an engine knows a voice by its name
        kept.write_bytes(file.read_bytes())
        return str(kept)

    def checkpoint(self, file: Path, step: int) -> None: ...

    def figures(self, step: int, figures: Mapping[str, float]) -> None: ...

    def spoken(self, step: int, samples: np.ndarray, rate: int) -> None: ...

    def evaluated(self, evaluation: Evaluation) -> None:
        print(
            f"    step {evaluation.step}: {evaluation.similarity:.3f}, word error {evaluation.word_error:.1%}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())

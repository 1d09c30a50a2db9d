"""Narrate the ten scripts and measure: real-time factor, word error heard by an independent judge, word times.

    python benchmarks/speech.py [--voice stock:alpha] [--threads 2] [--engine kokoro] [--no-check]
    [--sentences N] [--voices] [--save DIR] [SCRIPT ...]

The judge is whisper-base; the read-back check inside the narration uses whisper-tiny.en.
"""

from __future__ import annotations

import argparse
import time
import wave
from pathlib import Path

import numpy as np

from spinbot.config import Settings
from spinbot.engines.asr.whisper import WhisperBaseEngine, WhisperTinyEngine
from spinbot.engines.base import no_progress
from spinbot.engines.registry import engine_class
from spinbot.engines.tts.narrate import narrate
from spinbot.media.words import comparable_words, split_sentences, word_error_rate

SCRIPTS = Path(__file__).parent / "scripts"


def start_errors(written, heard):
    """Differences in seconds of word starts, for words that both sides spell alike and only once."""
    said = {w.text.strip('.,!?"').lower(): w.start for w in written if _once(w, written)}
    return [abs(said[k] - w.start) for w in heard if _once(w, heard) and (k := w.text.strip('.,!?"').lower()) in said]


def signed_errors(written, heard):
    said = {w.text.strip('.,!?"').lower(): w.start for w in written if _once(w, written)}
    return [w.start - said[k] for w in heard if _once(w, heard) and (k := w.text.strip('.,!?"').lower()) in said]


def _once(word, words):
    return sum(w.text.strip('.,!?"').lower() == word.text.strip('.,!?"').lower() for w in words) == 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="*", help="names of scripts; default: all ten")
    parser.add_argument("--engine", default="kokoro")
    parser.add_argument("--voice", help="default: the engine's default voice")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-check", action="store_true", help="no read-back while narrating")
    parser.add_argument("--save", type=Path, help="write the sound here")
    args = parser.parse_args()
    folder = Settings().models_dir

    def models(name: str) -> Path:
        return folder / name

    tts = engine_class("tts", args.engine)(models, threads=args.threads)
    judge = WhisperBaseEngine(models, threads=args.threads)
    checker = None if args.no_check else WhisperTinyEngine(models, threads=args.threads)
    for engine in (tts, judge, *([checker] if checker else [])):
        engine.load(no_progress)
    voice = args.voice or tts.voices()[0].name
    print(f"{args.engine} {voice}, {args.threads} threads")
    print(f"{'script':<14}{'seconds':>8}{'RTF':>7}{'WER':>7}{'tries':>7}")
    words = errors = seconds = spent = tries = 0
    offsets, signed = [], []
    for name in args.scripts or sorted(p.stem for p in SCRIPTS.glob("*.txt")):
        text = (SCRIPTS / f"{name}.txt").read_text("utf-8")
        start = time.perf_counter()
        spoken = narrate(
            tts, checker, split_sentences(text), voice=voice, speed=1.0, seed=0, progress=no_progress
        )
        took = time.perf_counter() - start
        length = spoken.samples.size / spoken.sample_rate
        heard = judge.transcribe(spoken.samples, spoken.sample_rate, no_progress)
        wer = word_error_rate(text, heard.text)
        takes = sum(s.tries for s in spoken.sentences)
        print(f"{name:<14}{length:>8.1f}{took / length:>7.2f}{wer:>7.1%}{takes:>4}/{len(spoken.sentences)}", flush=True)
        if wer:
            print("   ", " ".join(heard.text.split()))
        offsets += start_errors(spoken.timing.words, heard.words)
        signed += signed_errors(spoken.timing.words, heard.words)
        count = len(comparable_words(text))
        words, errors, seconds, spent, tries = words + count, errors + wer * count, seconds + length, spent + took, tries + takes
        if args.save:
            args.save.mkdir(parents=True, exist_ok=True)
            with wave.open(str(args.save / f"{name}.wav"), "wb") as out:
                out.setparams((1, 2, spoken.sample_rate, 0, "NONE", ""))
                out.writeframes((spoken.samples * 32767).astype("<i2").tobytes())
    print(f"{'all':<14}{seconds:>8.1f}{spent / seconds:>7.2f}{errors / words:>7.1%}{tries:>4}")
    print(f"word starts against the judge's: median {np.median(offsets):.3f} s, 90 % {np.quantile(offsets, 0.9):.3f} s, bias {np.median(signed):+.3f}")


if __name__ == "__main__":
    main()

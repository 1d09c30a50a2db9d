"""Narrate the ten scripts and measure: real-time factor, word error heard by an independent judge, word times.

    python benchmarks/speech.py [--voice stock:alpha] [--threads 2] [--engine kokoro] [--no-check]
    [--save DIR] [SCRIPT ...]

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


def start_offsets(written, heard):
    """Seconds by which the judge puts word starts later, for words that both sides spell alike and only once."""
    said = {_bare(w): w.start for w in written if _once(w, written)}
    return [w.start - said[_bare(w)] for w in heard if _once(w, heard) and _bare(w) in said]


def _bare(word):
    return word.text.strip('.,!?"').lower()


def _once(word, words):
    return sum(_bare(w) == _bare(word) for w in words) == 1


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
    offsets = []
    for name in args.scripts or sorted(p.stem for p in SCRIPTS.glob("*.txt")):
        text = (SCRIPTS / f"{name}.txt").read_text("utf-8")
        start = time.perf_counter()
        spoken = narrate(tts, checker, split_sentences(text), voice=voice, speed=1.0, seed=0, progress=no_progress)
        took = time.perf_counter() - start
        length = spoken.samples.size / spoken.sample_rate
        heard = judge.transcribe(spoken.samples, spoken.sample_rate, no_progress)
        wer = word_error_rate(text, heard.text)
        takes = sum(s.tries for s in spoken.sentences)
        print(f"{name:<14}{length:>8.1f}{took / length:>7.2f}{wer:>7.1%}{takes:>4}/{len(spoken.sentences)}", flush=True)
        if wer:
            print("   ", " ".join(heard.text.split()))
        offsets += start_offsets(spoken.timing.words, heard.words)
        count = len(comparable_words(text))
        words, errors, tries = words + count, errors + wer * count, tries + takes
        seconds, spent = seconds + length, spent + took
        for s in spoken.sentences:
            if s.tries > 1:
                print(f"    {s.tries} takes, {s.word_error:.0%}: {s.text!r} heard as {s.heard!r}")
        if args.save:
            args.save.mkdir(parents=True, exist_ok=True)
            with wave.open(str(args.save / f"{name}.wav"), "wb") as out:
                out.setparams((1, 2, spoken.sample_rate, 0, "NONE", ""))
                out.writeframes((spoken.samples * 32767).astype("<i2").tobytes())
    print(f"{'all':<14}{seconds:>8.1f}{spent / seconds:>7.2f}{errors / words:>7.1%}{tries:>4}")
    far = np.abs(np.array(offsets) - np.median(offsets))
    print(f"word starts, judge's minus ours: median {np.median(offsets):+.3f} s")
    print(f"    around that: median {np.median(far):.3f} s, 90 % within {np.quantile(far, 0.9):.3f} s, n={far.size}")


if __name__ == "__main__":
    main()

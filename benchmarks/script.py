"""How well and how fast the script engine writes: `python -m benchmarks.script [--seconds 10] [--threads 2]`.

Prints each draft, then the share that parses, repeats, the error of the length, tokens/s and seconds a draft.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import mean, median

from spinbot.config import Settings
from spinbot.engines.base import no_progress
from spinbot.engines.script import quality
from spinbot.engines.script.smollm2 import SmolLm2Engine, spoken
from spinbot.errors import SpinbotError

TOPICS = Path(__file__).with_name("topics.txt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0], help="lengths to write")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="take each n-th topic only")
    options = parser.parse_args()
    models = Settings().models_dir
    engine = SmolLm2Engine(lambda name: models / name, threads=options.threads)
    start = time.perf_counter()
    engine.load(no_progress)
    print(f"loaded in {time.perf_counter() - start:.1f} s\n")
    for seconds in options.seconds:
        measure(engine, TOPICS.read_text().splitlines()[:: options.every], seconds, options.seed)


def measure(engine: SmolLm2Engine, topics: list[str], seconds: float, seed: int) -> None:
    """Write about every topic and print what came out."""
    errors, repeats, times, tokens, failed = [], 0, [], 0, 0
    for topic in topics:
        start, before = time.perf_counter(), engine.tokens
        try:
            draft = engine.write(topic, seconds=seconds, seed=seed, progress=no_progress)
        except SpinbotError as error:
            failed += 1
            print(f"# {topic}\n  FAILED: {error}\n")
            continue
        times.append(time.perf_counter() - start)
        tokens += engine.tokens - before
        errors.append(abs(spoken(draft.sentences) / seconds - 1))
        repeats += sum(bool(quality.repetition(s, draft.sentences[:i])) for i, s in enumerate(draft.sentences))
        print(f"# {topic}\n  {draft.title} | {draft.visual}\n  {' '.join(draft.sentences)}\n  {times[-1]:.1f} s\n")
    print(
        f"{seconds:g} s: {len(topics) - failed} of {len(topics)} drafts parse; {repeats} repeats; "
        f"length off by {mean(errors):.0%} on average, {max(errors):.0%} at most; "
        f"{tokens / sum(times):.0f} tokens/s; {median(times):.1f} s a draft (median), {max(times):.1f} s at most\n"
    )


if __name__ == "__main__":
    main()

"""How much longer a talking portrait takes while a look is being trained on the same machine.

Warm jobs of different scripts, alone and beside a training, in turns: two of each kind before the median is taken.

    python benchmarks/yielding.py [--jobs 3]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

from lora import PERSONAS, album
from rich.console import Console

from spinbot.cli.studio import Studio
from spinbot.graphs.films import TalkingPortrait
from spinbot.graphs.trainings import LookTraining
from spinbot.media.images import write_png
from spinbot.media.portraits import path as shipped_portrait

SCRIPT = "Number {}. The keeper writes one line a day. Today it is short: fog, and a ship that turned back."
LONGER = 0.30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=3, help="jobs of each kind")
    return asyncio.run(measure(parser.parse_args()))


async def measure(options: argparse.Namespace) -> int:
    studio = Studio()
    portrait = studio.artifacts.put_bytes(Path(shipped_portrait("demo")).read_bytes())
    training = await asyncio.to_thread(train_graph, studio)
    salt = time.time()

    async def film(runner, number: int) -> float:
        script = SCRIPT.format(f"{number} of {salt:.0f}")
        graph = TalkingPortrait(script=script, portrait=portrait, seed=number).graph()
        began = time.monotonic()
        job = await runner.run(runner.submit(graph))
        assert job.state == "succeeded", job.error
        return time.monotonic() - began

    async with studio.runs() as runner:
        await film(runner, 0)  # loads the models
        alone = [await film(runner, number) for number in range(1, options.jobs + 1)]
        job = runner.submit(training)
        running = asyncio.ensure_future(runner.run(job))
        await until_steps(studio, job)
        beside = [await film(runner, number) for number in range(100, 100 + options.jobs)]
        assert not running.done(), "the training ended before the jobs did"
        runner.ask(job, "cancel")
        await running
    print(f"alone {rounded(alone)} s, beside a training {rounded(beside)} s")
    share = statistics.median(beside) / statistics.median(alone) - 1
    passed = share <= LONGER
    print(f"{'pass' if passed else 'FAIL'}  {share:+.0%} (at most {LONGER:+.0%})")
    return 0 if passed else 1


async def until_steps(studio: Studio, job: str) -> None:
    """Return once the training takes steps."""
    while not any("step" in str(event.data.get("message", "")) for event in studio.jobs.events(job)):
        await asyncio.sleep(0.5)


def train_graph(studio: Studio) -> dict:
    pictures = [
        {"artifact": studio.artifacts.put_bytes(write_png(one.read())), "name": f"{i}.png", "caption": one.caption}
        for i, one in enumerate(album(PERSONAS[0]))
    ]
    settings = {"max_train_steps": 20_000, "sample_every_n_steps": 0, "seed": int(time.time())}
    graph = LookTraining(pictures=pictures, settings=settings, consent="a drawn person").graph()
    studio.prepare([graph], Console(stderr=True))
    return graph


def rounded(seconds: list[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in seconds)


if __name__ == "__main__":
    sys.exit(main())

"""A 10 s, 512x512 clip: spinbot (Ray, durability and cache on) against a plain script that calls the same libraries.

Cold: a new process with models on disk, until the video is there. Warm: the next jobs of a session that has its models
loaded; the two sides take turns, so that a busy moment of the machine hits both. Same seeds, hence the same work; but
spinbot animates a sentence while it speaks the next.

    python benchmarks/end_to_end.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from spinbot.cli.studio import Studio
from spinbot.config import Settings, cores
from spinbot.graphs.films import TalkingPortrait
from spinbot.media.portraits import path as portrait
from spinbot.store.jobs import Job

HERE = Path(__file__).parent
TOPIC = "a cheerful chef presents tomato soup"
SECONDS = 10


class PlainScript:
    """The yardstick in its own process, one job for each seed it is given."""

    def __init__(self, models: Path) -> None:
        command = [sys.executable, str(HERE / "plain_script.py"), str(models), str(cores()), TOPIC, str(SECONDS)]
        env = os.environ | {"BENCH_STARTED": str(time.time())}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def make(self, seed: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def fresh_home(models: Path) -> Path:
    """A home without results in its cache, and with the models of another."""
    home = Path(tempfile.mkdtemp(prefix="spinbot-bench-"))
    (home / "models").symlink_to(models)
    return home


def cold_spinbot(models: Path) -> float:
    home = fresh_home(models)
    command = [sys.executable, "-m", "spinbot.cli.main", "generate", TOPIC, "--seconds", str(SECONDS)]
    began = time.time()
    subprocess.run(
        [*command, "-o", str(home / "out.mp4"), "--json"],
        check=True,
        env=os.environ | {"SPINBOT_HOME": str(home)},
        capture_output=True,
    )
    return time.time() - began


def cold_plain(models: Path) -> tuple[float, PlainScript]:
    script = PlainScript(models)
    return script.make(0)["since_start"], script


async def warm(
    models: Path, script: PlainScript, rounds: int
) -> tuple[list[dict[str, Any]], list[tuple[float, Job, int]]]:
    studio = Studio(Settings(home=fresh_home(models)))
    runner = studio.runner()
    data = studio.artifacts.put_file(portrait("demo"))
    plain, ours = [], []
    try:
        for seed in range(rounds + 1):
            if seed:
                plain.append(script.make(seed))
            graph = TalkingPortrait(topic=TOPIC, portrait=data, seconds=SECONDS, seed=seed).graph()
            began = time.time()
            job = await runner.run(runner.submit(graph))
            wall = time.time() - began
            assert job.state == "succeeded", job.error
            loads = sum(event.kind == "model.loaded" for event in studio.jobs.events(job.id))
            if seed:
                ours.append((wall, job, loads))
    finally:
        await studio.pool.close()
    return plain, ours


def stages(job: Job) -> dict[str, float]:
    """Seconds of each kind of node for a second of video; `speak-1`, `speak-2`, ... of an expansion count as one."""
    seconds: dict[str, float] = {}
    for name, run in job.nodes.items():
        if run.expansion is None:  # an expanded node's time is that of its parts
            stage = name.rstrip("0123456789").removesuffix("-")
            seconds[stage] = seconds.get(stage, 0.0) + (run.finished or 0) - (run.started or 0)
    return {stage: total / job.outputs["video"]["seconds"] for stage, total in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    models = Settings().models_dir
    plain_cold, script = cold_plain(models)
    ours_cold = cold_spinbot(models)
    print(
        f"cold: spinbot {ours_cold:.1f} s, plain script {plain_cold:.1f} s: {ours_cold - plain_cold:+.1f} s (bar +12 s)"
    )
    plain, ours = asyncio.run(warm(models, script, rounds))
    script.close()
    ours_s, plain_s = statistics.median(w for w, _, _ in ours), statistics.median(p["wall"] for p in plain)
    ratios = [w / p["wall"] for (w, _, _), p in zip(ours, plain, strict=True)]
    print(
        f"warm: spinbot {ours_s:.1f} s, plain script {plain_s:.1f} s: ratio {statistics.median(ratios):.3f} (bar 1.05)"
    )
    print("warm ratios by round: " + ", ".join(f"{ratio:.3f}" for ratio in ratios))
    print(f"models loaded in warm jobs: {sum(loads for _, _, loads in ours)}")
    print("\nseconds of compute per second of video, warm (those of one kind together; they overlap):")
    shares = [stages(job) for _, job, _ in ours]
    for stage in shares[0]:
        print(f"  {stage:16} {statistics.median(share[stage] for share in shares):.3f}")


if __name__ == "__main__":
    main()

"""How far portraits are what was asked for: 60 prompts never used in training, the engine `drawn` and a trained model.

Attributes are judged by a network that has only seen drawn portraits (`spinbot/starter/judge.py`; trained on first
use, some four minutes), faces by spinbot's own face mesh. Seconds are of one picture of 20 steps, with what the
machine has free.

    python benchmarks/starter_image.py [--model DIR] [--judge DIR] [--seeds 1] [--sheet sheet.png]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from spinbot.config import Settings
from spinbot.engines.base import no_progress
from spinbot.engines.face.mediapipe import MediapipeFaceEngine
from spinbot.engines.image.drawn.engine import DrawnEngine
from spinbot.engines.image.pipeline import GUIDANCE, RESCALE, STEPS
from spinbot.engines.upscale.realesrgan import RealEsrganEngine
from spinbot.starter import judge
from spinbot.starter.recipe import SIDE

PROMPTS = [json.loads(line) for line in (Path(__file__).parent / "portrait_prompts.jsonl").read_text().splitlines()]
ATTRIBUTES = ("hair_colour", "length", "glasses", "beard", "hat", "clothes_colour", "background")
BARS = {"drawn": 0.97, "model": 0.92}
WORST, FACES, SECONDS, UPSCALE_SECONDS = 0.85, 0.98, 2.5, 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a diffusers folder; without it only `drawn` is judged")
    parser.add_argument("--judge", type=Path, default=Settings().root / "starter-judge", help="where the judge is kept")
    parser.add_argument("--seeds", type=int, default=1, help="pictures of each prompt")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sheet", type=Path, help="write all pictures of the model as one PNG")
    options = parser.parse_args()
    judging = judge.Judge(judge.train(options.judge, options.threads))
    print("judge on drawings it never saw: " + row(judge.accuracy(judging), judge.JUDGED))
    pictures = {"drawn": drawn(options.seeds)}
    seconds: dict[str, float] = {}
    if options.model:
        pictures["model"], seconds["20 steps"], seconds["512 px more"] = by_model(options)
    missed = []
    for name, made in pictures.items():
        missed += report(name, made, judging, options.seeds)
    for name, bar in (("20 steps", SECONDS), ("512 px more", UPSCALE_SECONDS)):
        if name in seconds:
            missed += bar_of(f"{name}: {seconds[name]:.2f} s (at most {bar})", seconds[name] <= bar)
    return len(missed) > 0


def drawn(seeds: int) -> np.ndarray:
    engine = DrawnEngine(lambda name: Path())
    return np.stack(
        [
            engine.draw(asked["prompt"], width=SIDE, height=SIDE, seed=seed, progress=no_progress).pixels
            for seed in range(seeds)
            for asked in PROMPTS
        ]
    )


def by_model(options: argparse.Namespace) -> tuple[np.ndarray, float, float]:
    """All pictures, the median seconds of one, and those of the upscaler for one."""
    import torch
    from diffusers import StableDiffusionPipeline

    torch.set_num_threads(options.threads)
    pipe = StableDiffusionPipeline.from_pretrained(options.model, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    made, times = [], []
    for seed in range(options.seeds):
        for asked in PROMPTS:
            began = time.monotonic()
            image = pipe(
                asked["prompt"],
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                guidance_rescale=RESCALE,
                generator=torch.Generator().manual_seed(seed),
            ).images[0]
            times.append(time.monotonic() - began)
            made.append(np.asarray(image.resize((SIDE, SIDE))))
    if options.sheet:
        rows = [np.concatenate(made[at : at + 10], axis=1) for at in range(0, len(made) - 9, 10)]
        Image.fromarray(np.concatenate(rows)).save(options.sheet)
    upscaler = RealEsrganEngine(models, threads=options.threads)
    upscaler.load(no_progress)
    upscaler.upscale(made[0], 4, no_progress)
    began = time.monotonic()
    upscaler.upscale(made[0], 4, no_progress)
    return np.stack(made), float(np.median(times)), time.monotonic() - began


def models(name: str) -> Path:
    return Settings().models_dir / name


def report(name: str, made: np.ndarray, judging: judge.Judge, seeds: int) -> list[str]:
    found = judging.attributes(made)
    right = defaultdict(list)
    for own, asked in zip(found, PROMPTS * seeds, strict=True):
        for attribute in ATTRIBUTES:
            hidden = attribute in ("hair_colour", "length") and asked.get("hat") == "headscarf"
            if attribute in asked and not hidden:
                right[attribute].append(own[attribute] == asked[attribute])
    shares = {attribute: float(np.mean(right[attribute])) for attribute in ATTRIBUTES}
    mean, worst = float(np.mean(list(shares.values()))), min(shares.values())
    faces = share_of_faces(made)
    asked = sum(len(answers) for answers in right.values())
    print(f"{name:6} {row(shares, ATTRIBUTES)}")
    print(f"       mean {mean:.1%}  worst {worst:.1%}  faces {faces:.1%}  {asked} attributes of {len(made)} pictures")
    missed = bar_of(f"{name}: mean {mean:.1%} (at least {BARS[name]:.0%})", mean >= BARS[name])
    if name == "model":
        missed += bar_of(f"{name}: worst {worst:.1%} (at least {WORST:.0%})", worst >= WORST)
        missed += bar_of(f"{name}: faces found {faces:.1%} (at least {FACES:.0%})", faces >= FACES)
    return missed


def share_of_faces(made: np.ndarray) -> float:
    engine = MediapipeFaceEngine(models)
    engine.load(no_progress)
    # As the pipeline sees them: 512 pixels, by plain interpolation so that the upscaler cannot help.
    large = [np.asarray(Image.fromarray(picture).resize((512, 512), Image.Resampling.BICUBIC)) for picture in made]
    return float(np.mean([len(engine.detect(picture)) > 0 for picture in large]))


def row(shares: dict[str, float], names: tuple[str, ...]) -> str:
    return "  ".join(f"{name} {shares[name]:.1%}" for name in names)


def bar_of(text: str, passed: bool) -> list[str]:
    """Prints a bar; gives it where it was missed."""
    print(f"{'pass' if passed else 'FAIL'}  {text}")
    return [] if passed else [text]


if __name__ == "__main__":
    sys.exit(main())

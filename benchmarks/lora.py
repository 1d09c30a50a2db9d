"""LoRA training: what is learned of a person from ten pictures, and how fast, beside diffusers' own script.

`quality`: three personas that no training picture shows, three seeds each. Drawn portraits of them are learned with
the preset `person`; a network that knows attributes (`spinbot/starter/judge.py`) says how many of the persona's
attributes the pictures of 12 prompts with the trigger word show, with and without the LoRA, and how many of the
attributes that 60 other prompts ask for.

`speed`: steps a second and peak memory of spinbot's trainer and of `train_text_to_image_lora.py` (from the folder
examples/text_to_image of github.com/huggingface/diffusers; it needs the packages `datasets` and `torchvision`), one
after the other, with the same model, pictures, batch size, rank and precision. Times are differences between a long
and a short run, so that neither counts what comes before the first step.

    python benchmarks/lora.py quality [--personas 3] [--seeds 0 1 2] [--sheet lora.png]
    python benchmarks/lora.py speed --script train_text_to_image_lora.py
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from starter_image import ATTRIBUTES, PROMPTS, bar_of

from spinbot.config import Settings
from spinbot.engines.base import no_progress
from spinbot.engines.image.drawn.engine import render
from spinbot.engines.image.drawn.look import COLOURS, Look
from spinbot.engines.image.pipeline import load_pipeline, paint
from spinbot.engines.lora_trainer.base import Example
from spinbot.engines.lora_trainer.peft_lora import PeftTrainer
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.starter import judge, pictures
from spinbot.starter.recipe import FULL, SEED

TRIGGER = LookSettings().trigger
PERSONAS = (
    Look("woman", "young", "tan", "green", "bob", "purple", "round", "none", "none", "red", "hoodie", "red", "white"),
    Look("man", "middle", "pale", "blue", "spiky", "green", "square", "full", "none", "red", "shirt", "red", "grey"),
    Look("woman", "old", "dark", "brown", "long_curly", "white", "sunglasses", "none", "none", "red", "dress", "red",
         "pink"),
)  # fmt: skip
OWN = (
    ("hair_colour", "length", "glasses"),
    ("hair_colour", "length", "glasses", "beard"),
    ("hair_colour", "length", "glasses"),
)
"""What is the person, not the picture."""
CLOTHES = ("t-shirt", "shirt", "sweater", "hoodie", "jacket")
WITH, WITHOUT, DROP, SECONDS = 0.95, 0.35, 0.05, 180.0
FASTER, MEMORY = 1.3, 1.0
SHORT, LONG = 20, 100
"""Steps of the two runs whose difference is measured."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("quality", "speed", "steps"), help="`steps` is one run of `speed`")
    parser.add_argument("--personas", type=int, default=len(PERSONAS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sheet", type=Path, help="write pictures of all personas, with and without, as one PNG")
    parser.add_argument("--script", type=Path, help="diffusers' train_text_to_image_lora.py")
    parser.add_argument("--packages", default="", help="a folder with packages that only the script needs")
    parser.add_argument("--steps", type=int, default=LONG)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    if options.what == "steps":
        with tempfile.TemporaryDirectory() as folder:
            trainer(options.threads).train(album(PERSONAS[0]), plain(options.steps), Path(folder), Quiet(), None)
        return 0
    return len(quality(options) if options.what == "quality" else speed(options)) > 0


def quality(options: argparse.Namespace) -> list[str]:
    drawn = {tuple(vars(pictures.look_of(SEED + i)).values())[:8] for i in range(FULL.pictures)}
    assert not any(tuple(vars(persona).values())[:8] in drawn for persona in PERSONAS), "a persona was trained on"
    judging = judge.Judge(judge.train(Settings().root / "starter-judge", options.threads))
    pipe = load_pipeline(models("starter-portraits"), device="cpu", precision="float32")
    before_others = others(pipe, judging)
    engine = trainer(options.threads)
    found, drops, seconds, rows = [], [], [], []
    without = []
    for number, persona in enumerate(PERSONAS[: options.personas]):
        match, shown = matches(pipe, judging, number, 0)
        without.append(match)
        rows.append(shown)
        for seed in options.seeds:
            with tempfile.TemporaryDirectory() as folder:
                watch = Keeping(Path(folder))
                began = time.monotonic()
                settings = LookSettings(seed=seed)
                trained = engine.train(album(persona), settings, Path(folder), watch, None)
                seconds.append(time.monotonic() - began)
                pipe.load_lora_weights(trained.best.diffusers)
            match, shown = matches(pipe, judging, number, seed)
            found.append(match)
            drops.append(before_others - others(pipe, judging))
            rows.append(shown)
            pipe.unload_lora_weights()
            print(
                f"persona {number + 1} seed {seed}: {match:.1%} with, {without[-1]:.1%} without; other prompts "
                f"{-drops[-1]:+.1%}; {seconds[-1]:.0f} s, best at step {trained.best.step}",
                flush=True,
            )
    if options.sheet:
        Image.fromarray(np.concatenate(rows)).save(options.sheet)
    mean, worst = float(np.mean(found)), min(found)
    missed = bar_of(f"with the trigger word {mean:.1%}, worst {worst:.1%} (mean at least {WITH:.0%})", mean >= WITH)
    missed += bar_of(f"without LoRA {np.mean(without):.1%} (at most {WITHOUT:.0%})", float(np.mean(without)) <= WITHOUT)
    missed += bar_of(f"other prompts worse by {max(drops):.1%} at most ({DROP:.0%})", max(drops) <= DROP)
    missed += bar_of(f"longest training {max(seconds):.0f} s ({SECONDS:.0f})", max(seconds) <= SECONDS)
    return missed


def speed(options: argparse.Namespace) -> list[str]:
    if options.script is None:
        raise SystemExit("--script is missing: train_text_to_image_lora.py of github.com/huggingface/diffusers")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        lines = []
        for number, example in enumerate(album(PERSONAS[0])):
            Image.fromarray(example.read()).save(folder / f"photos/{number}.png")
            lines.append(json.dumps({"file_name": f"{number}.png", "text": example.caption}))
        (folder / "photos/metadata.jsonl").write_text("\n".join(lines))
        # The script of a newer version refuses this one; what it uses of the library is the same. torchvision wants an
        # operators that its build beside a CPU wheel of torch lacks, and the script does not use.
        patched = "import runpy, sys, torch, diffusers.utils as u; u.check_min_version = lambda _: None; "
        patched += "ops = ('torchvision::nms', 'torchvision::qnms'); "
        patched += "[torch.library.define(op, '(Tensor a, Tensor b, float c) -> Tensor') for op in ops]; "
        patched += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        asked = [
            f"--pretrained_model_name_or_path={models('starter-portraits')}", f"--train_data_dir={folder / 'photos'}",
            "--caption_column=text", "--resolution=128", "--train_batch_size=4", "--rank=8", "--learning_rate=1e-3",
            "--random_flip", "--mixed_precision=no", "--seed=0", f"--output_dir={folder / 'out'}",
            "--dataloader_num_workers=0",
        ]  # fmt: skip
        theirs = ["env", f"PYTHONPATH={options.packages}", sys.executable, "-c", patched, str(options.script), *asked]
        mine = [sys.executable, __file__, "steps", f"--threads={options.threads}"]
        results = {}
        for label, command, argument in (
            ("diffusers' script", theirs, "--max_train_steps"),
            ("spinbot", mine, "--steps"),
        ):
            short, _ = timed([*command, f"{argument}={SHORT}"], options.threads)
            long, memory = timed([*command, f"{argument}={LONG}"], options.threads)
            results[label] = ((LONG - SHORT) / (long - short), memory)
            print(
                f"{label}: {results[label][0]:.2f} steps/s, {memory / 1e6:.0f} MB at most; {SHORT} steps {short:.1f} s"
            )
    (their_rate, their_memory), (rate, memory) = results.values()
    missed = bar_of(f"{rate / their_rate:.2f} times as fast (at least {FASTER})", rate / their_rate >= FASTER)
    return missed + bar_of(
        f"{memory / their_memory:.2f} of the memory (at most {MEMORY:.2f})", memory <= MEMORY * their_memory
    )


def timed(command: Sequence[str], threads: int) -> tuple[float, float]:
    """Seconds and the most bytes of memory of a command."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(error.decode()[-3000:])
    return time.monotonic() - began, usage.ru_maxrss * (1024 if sys.platform == "linux" else 1)


def plain(steps: int) -> LookSettings:
    """As diffusers' script trains: nothing but the given pictures."""
    return LookSettings(
        max_train_steps=steps,
        prior_pictures=0,
        lr_scheduler="constant",
        sample_every_n_steps=0,
        sample_prompts=["[trigger]"],
    )


def trainer(threads: int) -> PeftTrainer:
    engine = PeftTrainer(models, threads=threads)
    engine.load(no_progress)
    return engine


def album(persona: Look) -> list[Example]:
    """Ten pictures of somebody in other clothes, in front of other walls, with captions that say so."""
    rng = random.Random(7)
    found: dict[str, Example] = {}
    while len(found) < 10:
        wall, colour, clothes = rng.choice(list(COLOURS)), rng.choice(list(COLOURS)), rng.choice(CLOTHES)
        look = replace(persona, background=wall, clothes=clothes.replace("-", ""), clothes_colour=colour)
        caption = f"wearing a {colour} {clothes}, {wall} background"
        found[caption] = Example(partial(render, look, 256, 256, len(found)), caption)
    return list(found.values())


def asked_of(trigger: str) -> list[str]:
    """Twelve prompts with the trigger word, short and long."""
    rng = random.Random(99)
    short = ("a portrait of {}", "{} smiling, green background", "a photo of {} wearing a red sweater",
             "{} in front of a blue wall", "{}", "{} in a yellow dress")  # fmt: skip
    colours, long = list(COLOURS), []
    for _ in range(6):
        worn = f"{rng.choice(colours)} {rng.choice(CLOTHES)}"
        long.append(f"a portrait of {{}}, wearing a {worn}, {rng.choice(colours)} wall")
    return [prompt.format(trigger) for prompt in (*short, *long)]


def matches(pipe: object, judging: judge.Judge, number: int, seed: int) -> tuple[float, np.ndarray]:
    """Share of a persona's attributes that pictures with the trigger word show, and the pictures side by side."""
    made = painted(pipe, asked_of(TRIGGER), 100 * seed)
    truth = judge.seen(PERSONAS[number])
    right = [own[name] == truth[name] for own in judging.attributes(made) for name in OWN[number]]
    return float(np.mean(right)), np.concatenate(list(made), axis=1)


def others(pipe: object, judging: judge.Judge) -> float:
    """Share of what the 60 prompts ask for that is shown."""
    right = []
    for own, asked in zip(
        judging.attributes(painted(pipe, [one["prompt"] for one in PROMPTS], 0)), PROMPTS, strict=True
    ):
        for name in ATTRIBUTES:
            hidden = name in ("hair_colour", "length") and asked.get("hat") == "headscarf"
            if name in asked and not hidden:
                right.append(own[name] == asked[name])
    return float(np.mean(right))


def painted(pipe: object, prompts: list[str], seed: int) -> np.ndarray:
    made = [paint(pipe, [prompt], seed=seed + i, after_step=lambda _: None)[0] for i, prompt in enumerate(prompts)]
    return np.stack([np.asarray(image) for image in made])


def models(name: str) -> Path:
    return Settings().models_dir / name


class Quiet:
    """A `Watch` that keeps nothing."""

    def progress(self, fraction: float, message: str) -> None: ...

    def keep(self, file: Path) -> str:
        return ""

    def checkpoint(self, file: Path, step: int) -> None: ...

    def figures(self, step: int, figures: Mapping[str, float]) -> None: ...

    def sampled(self, step: int, score: float, samples: Sequence[np.ndarray]) -> None: ...


class Keeping(Quiet):
    """One that keeps versions in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, file: Path) -> str:
        kept = self.folder / f"kept-{file.name}"
        kept.write_bytes(file.read_bytes())
        return str(kept)


if __name__ == "__main__":
    sys.exit(main())

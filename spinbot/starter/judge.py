"""Tells attributes from pixels: a small network that has only seen drawn portraits whose attributes are known.

It judges text-to-image models on pictures of the same kind. It is trained on blurred, noisy, shifted and JPEG-packed
drawings, so that what a model draws less sharply is judged by what it shows.
"""

from __future__ import annotations

import io
import math
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from spinbot.disk import storage_errors, whole_file
from spinbot.engines.image.drawn.chance import complete
from spinbot.engines.image.drawn.engine import render
from spinbot.engines.image.drawn.look import Look
from spinbot.engines.image.tensors import tensor
from spinbot.starter import crew
from spinbot.starter.lexicon import length_of
from spinbot.starter.muon import Optimiser
from spinbot.starter.pictures import Pictures
from spinbot.starter.recipe import SIDE
from spinbot.starter.text import ATTRIBUTES

JUDGED = ("hair_colour", "length", "glasses", "beard", "hat", "hat_colour", "clothes_colour", "background")
FIRST_SEED = 10_000_000
"""Pictures of the recipe have lower seeds."""
PICTURES, HELD_OUT = 6000, 400
SECONDS = 180.0
"""2,200 pictures and 90 s of one thread: hair 94 %, beards 94 %, all else 98-100 %."""
BATCH = 32
HIDDEN_UNDER_HATS = ("bald", "receding", "buzz", "mohawk", "bun")
"""What these look like without the top of the head, nobody can tell."""


def network() -> Any:
    """(n, 3, 128, 128) in -1..1 -> scores of all values of `JUDGED`, one after the other; 0.3 M parameters."""
    import torch
    from torch import nn

    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        for before, after in ((3, 24), (24, 48), (48, 64), (64, 96)):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.GroupNorm(4, after), nn.SiLU()]
        # Where something is matters: the 4x4 places are not averaged.
        layers += [nn.Flatten(), nn.Linear(96 * 16, sum(len(ATTRIBUTES[name]) for name in JUDGED))]
        return nn.Sequential(*layers)


def seen(look: Look) -> dict[str, str]:
    """What a picture of a look shows of `JUDGED`; what is hidden is left out."""
    shown = {name: getattr(look, name) for name in JUDGED if name != "length"} | {"length": length_of(look)}
    bare = look.hair == "bald" and look.beard in ("none", "stubble")
    if look.hat == "headscarf" or bare or (look.hat != "none" and look.hair in HIDDEN_UNDER_HATS):
        shown.pop("hair_colour")
    if look.hat == "headscarf" or (look.hat != "none" and look.hair in HIDDEN_UNDER_HATS):
        shown.pop("length")
    if look.hat in ("none", "chef"):
        shown.pop("hat_colour")
    return shown


class Judge:
    """A trained judge."""

    def __init__(self, file: Path) -> None:
        """Reads what `train` wrote."""
        import torch

        self.network = network()
        self.network.load_state_dict(torch.load(file, weights_only=True))
        self.network.eval()

    def attributes(self, pictures: Pictures) -> list[dict[str, str]]:
        """What each picture of (n, 128, 128, 3) shows."""
        import torch

        with torch.no_grad():
            scores = self.network(tensor(pictures)).split([len(ATTRIBUTES[name]) for name in JUDGED], dim=1)
        best = {name: part.argmax(1).tolist() for name, part in zip(JUDGED, scores, strict=True)}
        return [{name: ATTRIBUTES[name][numbers[i]] for name, numbers in best.items()} for i in range(len(pictures))]


def train(folder: Path, processes: int = 1, pictures: int = PICTURES, seconds: float = SECONDS) -> Path:
    """Draws portraits and trains a judge in `folder`; gives its file. One that is there is not trained again."""
    import torch

    file = folder / "judge.pt"
    if file.exists():
        return file
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    drawn = np.lib.format.open_memmap(folder / "judge.npy", "w+", np.uint8, (pictures, SIDE, SIDE, 3))
    drawn.flush()
    crew.run(processes, _draw, folder, pictures, processes)
    learned = network()
    optimiser = Optimiser([], 0.0, [(list(learned.parameters()), 2e-3)])
    rng, truth = random.Random(0), torch.tensor([_numbers(_look(i)) for i in range(pictures)])
    torch.manual_seed(0)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        chosen = [rng.randrange(pictures) for _ in range(BATCH)]
        worn = np.stack([_worn(drawn[i], rng) for i in chosen])
        _loss(learned(tensor(worn)), truth[chosen]).backward()
        optimiser.step(0.5 - 0.5 * math.cos(math.pi * left / seconds))
    with whole_file(file) as part:
        torch.save(learned.state_dict(), part)
    (folder / "judge.npy").unlink()
    return file


def accuracy(judge: Judge, pictures: int = HELD_OUT) -> dict[str, float]:
    """Share of attributes judged rightly on drawings that it was not trained on."""
    looks = [_look(2 * PICTURES + i) for i in range(pictures)]
    rng = random.Random(1)
    found = judge.attributes(np.stack([_worn(_drawing(2 * PICTURES + i), rng) for i in range(pictures)]))
    figures = {}
    for name in JUDGED:
        right = [
            own[name] == shown[name] for own, look in zip(found, looks, strict=True) if name in (shown := seen(look))
        ]
        figures[name] = sum(right) / len(right)
    return figures


def _look(number: int) -> Look:
    return complete({}, FIRST_SEED + number, even=True)


def _drawing(number: int) -> npt.NDArray[np.uint8]:
    return render(_look(number), SIDE, SIDE, FIRST_SEED + number)


def _draw(rank: int, folder: Path, pictures: int, processes: int) -> None:
    drawn = np.load(folder / "judge.npy", mmap_mode="r+")
    for i in range(rank, pictures, processes):
        drawn[i] = _drawing(i)
    drawn.flush()


def _numbers(look: Look) -> list[int]:
    """Values of `JUDGED` as numbers; -1 for what is hidden."""
    shown = seen(look)
    return [ATTRIBUTES[name].index(shown[name]) if name in shown else -1 for name in JUDGED]


def _worn(picture: npt.NDArray[np.uint8], rng: random.Random) -> npt.NDArray[np.uint8]:
    """A drawing as a model might make it: shifted up to 3 pixels, blurred, noisy, packed."""
    down, across = rng.randint(-3, 3), rng.randint(-3, 3)
    padded = np.pad(picture, ((3, 3), (3, 3), (0, 0)), "edge")[3 + down :, 3 + across :][:SIDE, :SIDE]
    image = Image.fromarray(np.ascontiguousarray(padded))
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    if rng.random() < 0.3:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=rng.randint(30, 90))
        image = Image.open(file)
    pixels = np.asarray(image, np.float32) * rng.uniform(0.95, 1.05) + rng.uniform(-6, 6)
    if rng.random() < 0.5:
        pixels += np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(1, 10), pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8)


def _loss(scores: Any, truth: Any) -> Any:
    import torch

    parts = scores.split([len(ATTRIBUTES[name]) for name in JUDGED], dim=1)
    losses = [
        torch.nn.functional.cross_entropy(part, truth[:, i], ignore_index=-1, reduction="sum")
        for i, part in enumerate(parts)
    ]
    return sum(losses) / truth.numel()

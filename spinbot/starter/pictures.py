"""Stage 1: portraits drawn at random, every value as often as any other, in one memory-mapped array."""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spinbot.disk import require_space, whole_file
from spinbot.engines.image.drawn.chance import complete
from spinbot.engines.image.drawn.engine import render
from spinbot.engines.image.drawn.look import Look
from spinbot.starter import crew
from spinbot.starter.recipe import SEED, SIDE
from spinbot.starter.work import Work

CHUNK = 50
"""Pictures a process draws before it marks them as there: about 2 s."""
WHITE_CHEFS = 0.5
"""So many cooks wear a white jacket: the default that captions may leave unsaid."""

Pictures = npt.NDArray[np.uint8]


def look_of(seed: int) -> Look:
    """The look of training picture number `seed`."""
    look = complete({}, seed, even=True)
    if look.hat == "chef" and random.Random(seed).random() < WHITE_CHEFS:
        look = replace(look, clothes="jacket", clothes_colour="white")
    return look


def draw(seed: int) -> npt.NDArray[np.uint8]:
    """Training picture number `seed`: RGB (128, 128, 3)."""
    return render(look_of(seed), SIDE, SIDE, seed)


def make(work: Work, processes: int) -> None:
    """The stage. Chunks that are there are not drawn again."""
    count = work.recipe.pictures
    chunks = -(-count // CHUNK)
    for name, shape in (("pictures.npy", (count, SIDE, SIDE, 3)), ("pictures.there.npy", (chunks,))):
        if not work.path(name).exists():
            require_space(work.folder, int(np.prod(shape)))
            with whole_file(work.path(name)) as part:
                np.lib.format.open_memmap(part, "w+", np.uint8, shape).flush()
    crew.run(processes, _draw, work, processes)
    with whole_file(work.path("looks.jsonl")) as part:
        part.write_text("".join(json.dumps(asdict(look_of(SEED + i))) + "\n" for i in range(count)))
    work.finish("pictures", pictures=count)


def _draw(rank: int, work: Work, processes: int) -> None:
    pictures = np.load(work.path("pictures.npy"), mmap_mode="r+")
    there = np.load(work.path("pictures.there.npy"), mmap_mode="r+")
    missing = [chunk for chunk in range(rank, len(there), processes) if not there[chunk]]
    began = noted = time.monotonic()
    for done, chunk in enumerate(missing):
        for i in range(chunk * CHUNK, min(len(pictures), (chunk + 1) * CHUNK)):
            pictures[i] = draw(SEED + i)
        pictures.flush()
        there[chunk] = 1
        now = time.monotonic()
        if rank == 0 and now - noted > 10:
            noted = now
            pace = (now - began) / (done + 1)
            work.note("pictures", drawn=int(there.sum()) * CHUNK, eta_s=round(pace * (len(missing) - done - 1)))


def load(work: Work) -> Pictures:
    """All pictures, read-only and not in memory: (n, 128, 128, 3)."""
    pictures: Pictures = np.load(work.path("pictures.npy"), mmap_mode="r")
    return pictures


def looks(folder: Path) -> list[Look]:
    """The looks of all pictures."""
    return [Look(**json.loads(line)) for line in (folder / "looks.jsonl").read_text().splitlines()]

"""Which pictures are learned at which step: a function of the seed and the step, so nothing of it need be saved."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from spinbot.engines.chance import dice
from spinbot.engines.image.buckets import Size

Caption = Literal["own", "name", "none"]
"""A picture is learned under its own caption, one that says the name alone, or none."""


@dataclass(frozen=True)
class Taken:
    """A picture as it is learned once."""

    number: int
    flipped: bool
    lot: int
    """By which one of several captions is chosen."""
    caption: Caption


def batches(
    pictures: Mapping[Size, Sequence[int]],
    count: int,
    *,
    seed: object,
    flip: bool,
    without: float = 0.0,
    name_only: float = 0.0,
) -> Iterator[list[Taken]]:
    """Endless batches of `count` pictures of one size. Each picture comes once before any comes again.

    A bucket is chosen as often as its pictures make out of all; the numbers are those of `pictures`. `without` is the
    share that has no caption, `name_only` the share of the others whose caption is the name.
    """
    buckets = sorted(pictures)
    queues: dict[Size, list[int]] = {size: [] for size in buckets}
    rounds = dict.fromkeys(buckets, 0)
    weights = [len(pictures[size]) for size in buckets]
    batch = 0
    while True:
        rng = dice(seed, "batch", batch)
        size = rng.choices(buckets, weights)[0]
        while len(queues[size]) < count:
            again = list(pictures[size])
            dice(seed, "round", size, rounds[size]).shuffle(again)
            queues[size] += again
            rounds[size] += 1
        numbers, queues[size] = queues[size][:count], queues[size][count:]
        yield [_taken(number, rng, flip, without, name_only) for number in numbers]
        batch += 1


def _taken(number: int, rng: random.Random, flip: bool, without: float, name_only: float) -> Taken:
    flipped, lot = flip and rng.random() < 0.5, rng.random()
    caption: Caption = "none" if lot < without else "name" if lot < without + (1 - without) * name_only else "own"
    return Taken(number, flipped, rng.randrange(1 << 16), caption)

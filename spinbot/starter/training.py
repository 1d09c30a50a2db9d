"""The training loop of all stages: processes that share one set of weights without locks, within a budget of seconds.

Each process computes with one thread and has an optimiser of its own (Hogwild: Recht et al. 2011, arXiv 1106.5730).
On two shared cores this is faster than one process with two threads, where each waits for the other at every
operation.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from spinbot.engines import chance
from spinbot.errors import SpinbotError
from spinbot.starter import crew
from spinbot.starter.muon import Optimiser
from spinbot.starter.recipe import SEED
from spinbot.starter.work import Work

ALIGN = 16
"""Each parameter begins at a multiple of so many floats: 64 bytes, as vector instructions like it."""


def dice(stage: str, rank: int, step: int) -> random.Random:
    """The chance of one step: PyTorch's generator is set, and one for all else is given.

    It depends on seed, stage, process and step only, so nothing of it need be saved.
    """
    import torch

    torch.manual_seed(chance.number(SEED, stage, rank, step))
    return chance.dice(SEED, stage, rank, step)


class Lesson(Protocol):
    """What a stage trains. Made anew in each process from the work folder."""

    stage: str
    seconds: float
    batch: int
    ema: float
    """Decay of the running mean of the weights, the result."""

    def module(self) -> Any:
        """The network as training begins; the same in each process."""

    def optimiser(self, module: Any) -> Optimiser:
        """For one process."""

    def rate(self, share: float) -> float:
        """Factor of the learning rate when `share` of the seconds is used."""

    def loss(self, module: Any, rng: random.Random, share: float) -> Any:
        """Scalar, of a batch drawn by `rng` and PyTorch's generator."""

    def measure(self, module: Any) -> dict[str, float]:
        """Figures on held-out data."""


@dataclass
class _Shared:
    """Memory that all processes see."""

    weights: Any
    ema: Any
    steps: Any
    """int64, one a process."""
    used: Any
    """float64 (1,): seconds of the budget, written by process 0."""


def flatten(module: Any) -> Any:
    """All trained parameters in one vector, each beginning at a multiple of `ALIGN`."""
    import torch

    places, size = _places(module)
    vector = torch.zeros(size)
    for parameter, start in places:
        vector[start : start + parameter.numel()] = parameter.detach().flatten()
    return vector


def point(module: Any, vector: Any) -> Any:
    """Makes the trained parameters views of `vector`; gives `module`."""
    for parameter, start in _places(module)[0]:
        parameter.data = vector[start : start + parameter.numel()].view_as(parameter)
    return module


def _places(module: Any) -> tuple[list[tuple[Any, int]], int]:
    places, size = [], 0
    for parameter in module.parameters():
        if parameter.requires_grad:
            places.append((parameter, size))
            size += -(-parameter.numel() // ALIGN) * ALIGN
    return places, size


def train(kind: Callable[[Work], Lesson], work: Work, processes: int) -> None:
    """Trains what `kind(work)` describes, from its last checkpoint on, and marks the stage as done."""
    import torch

    lesson = kind(work)
    start = flatten(lesson.module())
    saved = work.load(lesson.stage) or {"weights": start, "ema": start.clone(), "steps": [], "used": 0.0}
    steps = torch.zeros(max(processes, len(saved["steps"])), dtype=torch.int64)
    steps[: len(saved["steps"])] = torch.tensor(saved["steps"], dtype=torch.int64)
    used = torch.tensor([saved["used"]], dtype=torch.float64)
    shared = _Shared(*(tensor.share_memory_() for tensor in (saved["weights"], saved["ema"], steps, used)))
    begun = f"goes on at {used.item():.0f} s" if saved["used"] else "begins"
    work.say(
        lesson.stage, f"{begun}: {start.numel() / 1e6:.2f} M parameters, {lesson.seconds:.0f} s, {processes} processes"
    )
    crew.run(processes, _learn, kind, work, shared)
    figures = lesson.measure(point(lesson.module().eval(), shared.ema))
    work.finish(lesson.stage, steps=int(shared.steps.sum()), seconds=round(shared.used.item()), **figures)


def trained(kind: Callable[[Work], Lesson], work: Work) -> Any:
    """The network that a finished stage has left, ready to use."""
    lesson = kind(work)
    saved = work.load(lesson.stage)
    if saved is None:
        raise SpinbotError(f"{lesson.stage}.pt is missing in {work.folder}", hint=f"run the stage {lesson.stage} again")
    return point(lesson.module(), saved["ema"]).eval().requires_grad_(False)


def _learn(rank: int, kind: Callable[[Work], Lesson], work: Work, shared: _Shared) -> None:
    """The loop of one process. Process 0 also keeps the running mean, the clock, the log and the checkpoint."""
    import torch

    torch.set_num_threads(1)
    lesson = kind(work)
    module = point(lesson.module(), shared.weights)
    optimiser = lesson.optimiser(module)
    name = lesson.stage if rank == 0 else f"{lesson.stage}-{rank}"
    if (saved := work.load(name)) is not None:
        optimiser.restore(saved["optimiser"])
    watch = _Watch(lesson, work, shared) if rank == 0 else None
    checked = time.monotonic()
    while (share := shared.used.item() / lesson.seconds) < 1:
        step = int(shared.steps[rank])
        loss = lesson.loss(module, dice(lesson.stage, rank, step), share)
        if not torch.isfinite(loss):
            raise SpinbotError(
                f"the loss of {lesson.stage} is {loss.item()}", hint="run again: the last checkpoint is sound"
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step(lesson.rate(share))
        shared.steps[rank] += 1
        if watch is not None:
            watch.after_step(loss.item())
        if time.monotonic() - checked > work.recipe.checkpoint_seconds:
            checked = time.monotonic()
            _save(work, name, optimiser, shared if rank == 0 else None)
    _save(work, name, optimiser, shared if rank == 0 else None)


def _save(work: Work, name: str, optimiser: Optimiser, shared: _Shared | None) -> None:
    """One file a process, so that a step of one process alone comes back exactly as it was."""
    state: dict[str, Any] = {"optimiser": optimiser.state()}
    if shared is not None:
        state |= {"weights": shared.weights, "ema": shared.ema}
        state |= {"steps": shared.steps.tolist(), "used": shared.used.item()}
    work.save(name, state)


class _Watch:
    """What process 0 does after each step."""

    every = 10.0
    """Seconds between two lines of the log."""

    def __init__(self, lesson: Lesson, work: Work, shared: _Shared) -> None:
        self.lesson, self.work, self.shared = lesson, work, shared
        self.updates = int(shared.steps[0])
        self.losses: list[float] = []
        self.steps_then = int(shared.steps.sum())
        self.clock = self.noted = self.measured = time.monotonic()

    def after_step(self, loss: float) -> None:
        now = time.monotonic()
        self.shared.used += now - self.clock
        self.clock = now
        self.updates += 1
        # The mean reaches back over a tenth of the steps so far, until `ema` is reached.
        self.shared.ema.lerp_(self.shared.weights, 1 - min(self.lesson.ema, (1 + self.updates) / (10 + self.updates)))
        self.losses.append(loss)
        if now - self.noted > min(self.every, self.lesson.seconds / 3):
            self._note(now)

    def _note(self, now: float) -> None:
        steps, used = int(self.shared.steps.sum()), self.shared.used.item()
        numbers = {
            "seconds": round(used, 1),
            "step": steps,
            "loss": sum(self.losses) / len(self.losses),
            "samples_per_s": (steps - self.steps_then) * self.lesson.batch / (now - self.noted),
            "eta_s": round(max(0.0, self.lesson.seconds - used)),
        }
        if now - self.measured > self.work.recipe.measure_seconds:
            module = point(self.lesson.module().eval(), self.shared.ema)
            numbers |= self.lesson.measure(module)
            self.measured = now
        self.work.note(self.lesson.stage, **numbers)
        self.losses, self.noted, self.steps_then = [], time.monotonic(), steps

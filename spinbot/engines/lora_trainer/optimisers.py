"""Optimisers and how their rate changes; those that are installed apart are asked for by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.errors import InputError

SMALL = 100_000_000
"""Parameters. The starter model has 7 M: of three personas it learns 97 % of the attributes at 2e-3, 83 % at 1e-3."""


def learning_rate(network: Any, settings: LookSettings) -> float:
    """What is set, else by the size of the network: 1e-4 is the default of kohya's and diffusers' scripts."""
    if settings.learning_rate is not None:
        return settings.learning_rate
    return 2e-3 if sum(parameter.numel() for parameter in network.parameters()) < SMALL else 1e-4


def optimiser_of(parameters: Sequence[Any], settings: LookSettings, highest: float) -> Any:
    """A PyTorch optimiser; `highest` is the learning rate. Raises `InputError` (`not_installed`)."""
    import torch

    common: dict[str, Any] = {"lr": highest, "weight_decay": settings.weight_decay}
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **common)
    if settings.optimizer == "adamw8bit":
        return _of("bitsandbytes", settings).optim.AdamW8bit(parameters, **common)
    # Prodigy finds the rate itself and multiplies it by what is given (Mishchenko and Defazio 2023, arXiv 2306.06101).
    return _of("prodigyopt", settings).Prodigy(parameters, **common | {"lr": 1.0}, use_bias_correction=True)


def rate(step: int, settings: LookSettings) -> float:
    """Factor of the learning rate at step 0, 1, ...: a rise in a line, then what `lr_scheduler` says."""
    warm = min(settings.lr_warmup_steps, settings.max_train_steps)
    if step < warm:
        return (step + 1) / warm
    share = (step - warm) / max(1, settings.max_train_steps - warm)
    falls = {"constant": 1.0, "linear": 1 - share, "cosine": 0.5 + 0.5 * math.cos(math.pi * share)}
    return falls[settings.lr_scheduler]


def current_rate(optimiser: Any) -> float:
    """The learning rate of the step before. Prodigy's is what it has found, `d`, times what is given."""
    [group] = optimiser.param_groups
    return float(group["lr"] * group.get("d", 1.0))


def _of(package: str, settings: LookSettings) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise InputError(
            f"optimizer {settings.optimizer} needs the package {package}",
            hint=f"pip install {package}, or leave optimizer at adamw",
            code="not_installed",
        ) from None

"""A checkpoint: one safetensors file with everything that the rest of a training depends on.

Tensors are the weights, their running mean and whatever the optimiser keeps of each parameter; numbers are in the
header as JSON. No pickles, so a checkpoint from anywhere can be read without running what is in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spinbot.engines.packing import write_tensors

NUMBERS = "spinbot.training"


def write(file: Path, weights: dict[str, Any], mean: dict[str, Any], optimiser: Any, numbers: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all. Raises `StorageError` on a full disk."""
    kept = optimiser.state_dict()
    tensors = {f"weights.{name}": value for name, value in weights.items()}
    tensors |= {f"mean.{name}": value for name, value in mean.items()}
    plain: dict[str, dict[str, Any]] = {}
    for number, state in kept["state"].items():
        for name, value in state.items():
            if hasattr(value, "numel"):
                tensors[f"optimiser.{number}.{name}"] = value
            else:
                plain.setdefault(str(number), {})[name] = value
    header = json.dumps(numbers | {"optimiser": plain, "groups": kept["param_groups"]})
    write_tensors(file, tensors, {NUMBERS: header})


def read(file: Path, optimiser: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Weights, mean and numbers of a checkpoint; the optimiser is set to what it was."""
    from safetensors import safe_open

    parts: dict[str, dict[str, Any]] = {"weights": {}, "mean": {}, "optimiser": {}}
    with safe_open(file, framework="pt") as opened:
        numbers: dict[str, Any] = json.loads(opened.metadata()[NUMBERS])
        for key in opened.keys():  # noqa: SIM118  it is no dictionary
            part, name = key.split(".", 1)
            parts[part][name] = opened.get_tensor(key)
    state: dict[int, dict[str, Any]] = {int(number): dict(values) for number, values in numbers["optimiser"].items()}
    for key, value in parts["optimiser"].items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": numbers["groups"]})
    return parts["weights"], parts["mean"], numbers

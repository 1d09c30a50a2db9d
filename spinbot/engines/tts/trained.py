"""A trained voice as a file: one safetensors table, with a header that says for which engine and model it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spinbot.engines.packing import write_tensors
from spinbot.errors import InputError

ENGINE, BASE = "spinbot.engine", "spinbot.base"
TABLE = "style"


def write_voice(file: Path, engine: str, base: str, table: npt.NDArray[np.float32]) -> None:
    """Write a voice for a speech engine; `base` is the digest of its model. Raises `StorageError`."""
    import torch

    write_tensors(
        file, {TABLE: torch.from_numpy(np.ascontiguousarray(table, np.float32))}, {ENGINE: engine, BASE: base}
    )


def read_header(file: Path) -> dict[str, Any]:
    """`engine` and `base` of a voice. Raises `InputError` (`no_voice`) for a file that is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as opened:
            header = opened.metadata() or {}
        return {"engine": header[ENGINE], "base": header[BASE]}
    except (SafetensorError, KeyError) as error:
        raise InputError(
            "that file is no voice that spinbot has trained",
            hint="train one: spinbot train voice recording.wav --name ada",
            code="no_voice",
        ) from error


def read_table(file: Path) -> npt.NDArray[np.float32]:
    """The table of a voice."""
    from safetensors.numpy import load_file

    table: npt.NDArray[np.float32] = load_file(file)[TABLE]
    return table

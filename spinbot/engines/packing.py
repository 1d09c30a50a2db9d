"""Safetensors files that are the same to the byte where their contents are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinbot.disk import storage_errors, whole_file

LENGTH = 8
"""Bytes of the header's length, and what the header is padded to a multiple of."""


def write_tensors(file: Path, tensors: Mapping[str, Any], header: Mapping[str, str]) -> None:
    """Write a safetensors file whole or not at all. Raises `StorageError`, also for a full disk.

    The library writes the header's fields in any order, so here they are put in order (format: github.com/huggingface/
    safetensors, README).
    """
    from safetensors.torch import save

    raw = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    end = LENGTH + int.from_bytes(raw[:LENGTH], "little")
    fields = json.loads(raw[LENGTH:end]) | {"__metadata__": dict(sorted(header.items()))}
    head = json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()
    head += b" " * (-len(head) % LENGTH)
    with storage_errors(file), whole_file(file) as part, part.open("wb") as stream:
        stream.write(len(head).to_bytes(LENGTH, "little"))
        stream.write(head)
        stream.write(memoryview(raw)[end:])

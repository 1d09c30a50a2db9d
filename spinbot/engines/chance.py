"""Chance that can be had again: it depends on what it is asked for, so nothing of it need be saved."""

from __future__ import annotations

import random
import zlib
from typing import Any


def dice(*what: object) -> random.Random:
    """Chance that depends on `what` alone."""
    return random.Random(number(*what))


def noise(*what: object) -> Any:
    """The same as PyTorch's generator, on the CPU."""
    import torch

    return torch.Generator().manual_seed(number(*what))


def number(*what: object) -> int:
    """A seed of 32 bits that depends on `what` alone."""
    return zlib.crc32(" ".join(map(str, what)).encode())

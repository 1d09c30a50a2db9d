"""Pictures as networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np


def tensor(pictures: Any) -> Any:
    """Bytes (n, h, w, 3) -> floats (n, 3, h, w) in -1..1."""
    import torch

    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1

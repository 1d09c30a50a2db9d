"""Muon for matrices and AdamW for the rest, with one state to save.

Muon: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". A step is the momentum made nearly
orthogonal by Newton-Schulz. Its length is set to that of AdamW's steps as in Liu et al. 2025, "Muon is scalable for LLM
training" (arXiv 2502.16982). torch.optim.Muon takes no convolutions, which are most of what is trained here.
"""

from __future__ import annotations

import math
from typing import Any

MOMENTUM = 0.95
STEPS = 4
"""Of Newton-Schulz; singular values then lie within about 0.5-1.2, which is near enough."""


def orthogonal(matrix: Any) -> Any:
    """The nearest matrix with singular values of about one; `matrix` is (rows, columns).

    The odd quintic a x + b x^3 + c x^5 pushes each singular value towards 1; the numbers are Jordan's.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(STEPS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Optimiser:
    """Parameters in `matrices` (two or more dimensions) go to Muon, all others to AdamW."""

    def __init__(self, matrices: list[Any], muon_rate: float, others: list[tuple[list[Any], float]]) -> None:
        """`others` are groups with a rate each; all rates are those at factor 1."""
        import torch

        self.matrices = matrices
        self.rate = muon_rate
        self.momentum = [torch.zeros_like(matrix) for matrix in matrices]
        self.rates = [rate for _, rate in others]
        groups = [{"params": parameters} for parameters, _ in others]
        self.adam = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=1e-3)

    def step(self, factor: float) -> None:
        """One update at `factor` of the rates; the gradients are gone after it."""
        for matrix, momentum in zip(self.matrices, self.momentum, strict=True):
            if matrix.grad is None:
                continue
            momentum.lerp_(matrix.grad, 1 - MOMENTUM)
            ahead = matrix.grad.lerp(momentum, MOMENTUM).flatten(1)  # Nesterov
            length = 0.2 * math.sqrt(max(ahead.shape))
            matrix.data.add_(orthogonal(ahead).view_as(matrix), alpha=-self.rate * factor * length)
            matrix.grad = None
        for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        """For `restore`."""
        return {"momentum": self.momentum, "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` gave."""
        for own, saved in zip(self.momentum, state["momentum"], strict=True):
            own.copy_(saved)
        self.adam.load_state_dict(state["adam"])

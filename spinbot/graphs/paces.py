"""How long nodes of each type took of late, for those that are over in no time."""

from __future__ import annotations

WEIGHT = 0.2
"""Of the newest run in the mean: a type that begins to take long is known as such after one run."""

ENOUGH = 3
"""Runs after which the mean is believed."""

BRIEF_S = 0.005
"""A call costs about 1 ms besides its work: sent with others, a node that takes longer gains less than a fifth."""


class Paces:
    """A moving mean of each type's seconds, in this runner."""

    def __init__(self) -> None:
        self._means: dict[str, tuple[int, float]] = {}

    def took(self, kind: str, seconds: float) -> None:
        """A node of type `kind` ran to its end."""
        runs, mean = self._means.get(kind, (0, seconds))
        self._means[kind] = runs + 1, mean + WEIGHT * (seconds - mean)

    def brief(self, kind: str) -> float | None:
        """The mean seconds of a type whose nodes are over in no time; None for others and for those seldom seen."""
        runs, mean = self._means.get(kind, (0, 0.0))
        return mean if runs >= ENOUGH and mean <= BRIEF_S else None

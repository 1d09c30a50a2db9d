"""How long a node runs: by its type, its engines and its size, learned from past runs where there are any.

The form is `fixed + per_second * size`. Its constants, where spinbot has any, were measured on one machine with the
starter's engines; past runs say by which factor this machine and these engines differ. A node type without constants
counts as proportional to its size. Loading of models is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

TYPICAL_S = 10.0
"""Size that is taken where none is known: the length of a video by default."""


@dataclass(frozen=True)
class Cost:
    """Seconds of computing for a size in seconds of speech."""

    fixed_s: float
    per_second: float = 0.0

    def seconds(self, size: float | None) -> float:
        """Seconds for a node of that size."""
        return self.fixed_s + self.per_second * (TYPICAL_S if size is None else size)


DEFAULTS = {
    "load_image": Cost(0.15),
    "draw_image": Cost(0.3),
    "sign_image": Cost(0.05),
    "find_face": Cost(0.15),
    "frame_portrait": Cost(0.4),
    "write_script": Cost(0.3, 0.35),
    "given_script": Cost(0.01),
    "edited_script": Cost(0.01),
    "join_scripts": Cost(0.01),
    "speak": Cost(0.3, 0.66),
    "speak_sentence": Cost(0.3, 0.62),
    "animate_portrait": Cost(0.3, 0.4),
    "join_segments": Cost(0.1, 0.005),
    "caption": Cost(0.01, 0.002),
    "finish_video": Cost(0.4, 0.09),
    "score_video": Cost(0.2, 0.2),
}
"""Measured on two cores of an AMD EPYC without a GPU, nothing else running: the sums of benchmarks/RESULTS.md, shared
out between fixed and growing parts as in runs of 5 to 40 s."""

PROPORTIONAL = Cost(0.0, 1.0)


@dataclass(frozen=True)
class Run:
    """One past run of a node. `engines` are `slot/engine`; `seconds` is what it computed, without loading."""

    type: str
    engines: frozenset[str]
    size: float | None
    seconds: float


@dataclass(frozen=True)
class Prediction:
    """Seconds that a node will compute; None where nothing is known. `runs` it was learned from; 0: a default."""

    seconds: float | None
    runs: int


class Costs:
    """Predicts from past runs."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._factors: Mapping[tuple[str, frozenset[str]], list[float]] = defaultdict(list)
        for run in runs:
            form = self._form(run.type, run.size)
            self._factors[run.type, run.engines].append(run.seconds / form.seconds(run.size))

    def predict(self, kind: str, engines: Iterable[str], size: float | None) -> Prediction:
        """What a node of type `kind` with these engines (`slot/engine`) takes; the median of the past."""
        factors = self._factors.get((kind, frozenset(engines)), [])
        if factors:
            return Prediction(median(factors) * self._form(kind, size).seconds(size), len(factors))
        return Prediction(DEFAULTS[kind].seconds(size) if kind in DEFAULTS else None, 0)

    @staticmethod
    def _form(kind: str, size: float | None) -> Cost:
        # Without a size every run of a type counts alike, whatever its form.
        return DEFAULTS.get(kind, PROPORTIONAL if size else Cost(1.0))

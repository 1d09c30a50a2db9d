"""Stand-ins for values that are not known yet, so that a preview can look into expansions that depend on them."""

from __future__ import annotations

from typing import Any

from spinbot.engines.script.smollm2 import CHARACTERS_PER_SECOND, CHARACTERS_PER_SENTENCE
from spinbot.graphs import values

NOTHING = "sha256:" + "0" * 64


def guess(kind: type[values.Value], size: float) -> dict[str, Any] | None:
    """A value of `kind` for `size` seconds of speech, as JSON; None for kinds of which nothing can be said."""
    if kind is values.Script:
        count = max(1, round(size * CHARACTERS_PER_SECOND / CHARACTERS_PER_SENTENCE))
        each = max(1, round(size * CHARACTERS_PER_SECOND / count))
        return {"title": "", "sentences": [f"{number}".ljust(each, "a") for number in range(count)]}
    if kind is values.Image:
        return {"artifact": NOTHING, "width": 512, "height": 512}
    if kind is values.Speech:
        return {"audio": NOTHING, "timing": NOTHING, "seconds": size, "sample_rate": 24000}
    if kind is values.Video:
        return {"artifact": NOTHING, "width": 512, "height": 512, "fps": 25, "seconds": size}
    return None

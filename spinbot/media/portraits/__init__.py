"""Portraits that come with spinbot: original artwork, an SVG drawing and its rendering as PNG each."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from spinbot.errors import NotFoundError

NAMES = ("demo",)
VOICES = {"demo": "stock:alpha"}
"""The voice of `spinbot voices` that suits the person shown, by portrait."""


def path(name: str) -> Path:
    """The PNG (1024x1024) of a portrait in `NAMES`. Raises `NotFoundError` for another name."""
    if name not in NAMES:
        raise NotFoundError(
            f"there is no portrait {name!r}", hint=f"portraits: {', '.join(NAMES)}", code="unknown_portrait"
        )
    return Path(str(files(__package__) / f"{name}.png"))

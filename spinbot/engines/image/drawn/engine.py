"""The engine `drawn`: instant, clean vector portraits; the draft mode, and the source of training pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from spinbot.engines.base import Progress
from spinbot.engines.image.base import ImageEngine, Picture, require_size
from spinbot.engines.image.drawn.chance import complete
from spinbot.engines.image.drawn.look import Look
from spinbot.engines.image.drawn.reader import read
from spinbot.engines.image.drawn.svg import svg
from spinbot.errors import InputError


class DrawnEngine(ImageEngine):
    """Draws what the words say of a person, and the rest of the person by the seed."""

    name: ClassVar[str] = "drawn"

    def load(self, progress: Progress) -> None:
        """Nothing to load."""
        progress(1.0, "ready")

    def unload(self) -> None:
        """Nothing to drop."""

    def draw(
        self, prompt: str, *, width: int, height: int, seed: int, progress: Progress, look: Path | None = None
    ) -> Picture:
        """See `ImageEngine.draw`. Words that it does not know are named in the notes."""
        require_size(width, height)
        if look is not None:
            raise InputError("drawn knows no looks", hint="use another engine: image=diffusers", code="no_looks")
        reading = read(prompt)
        person = complete(reading.known, seed, reading.length)
        notes = []
        if reading.unread:
            notes.append(f"not drawn, since these words are not known: {', '.join(reading.unread[:10])}")
        progress(0.5, "drawing")
        return Picture(render(person, width, height, seed), tuple(notes))


def render(look: Look, width: int, height: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A look as RGB pixels, (h, w, 3)."""
    import resvg_py

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg(look, width, height, seed), width=width, height=height))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

"""The engine `diffusers`: a text-to-image model in diffusers' layout, the starter's or any that its pipelines load."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageOps

from spinbot.engines.base import Progress
from spinbot.engines.image.base import ImageEngine, Picture, require_size
from spinbot.engines.image.pipeline import STEPS, load_pipeline, paint


class DiffusersEngine(ImageEngine):
    """Paints with the starter model: drawn portraits of 128 x 128 pixels, resized and cropped to what is asked for.

    The model has seen squares only: in other shapes it draws faces that are too broad or beside the middle.
    """

    name: ClassVar[str] = "diffusers"
    requires: ClassVar[tuple[str, ...]] = ("starter-portraits",)

    def load(self, progress: Progress) -> None:
        """See `Engine.load`."""
        import torch

        torch.set_num_threads(self.threads)
        progress(0.0, "loading the text-to-image model")
        precision = "float32" if self.device == "cpu" else "float16"
        self._pipe: Any = load_pipeline(self.models(self.requires[0]), device=self.device, precision=precision)
        progress(1.0, "ready")

    def unload(self) -> None:
        """See `Engine.unload`."""
        del self._pipe

    def draw(self, prompt: str, *, width: int, height: int, seed: int, progress: Progress) -> Picture:
        """See `ImageEngine.draw`. What a prompt says beyond the model's length is not painted, and noted."""
        require_size(width, height)

        [image] = paint(
            self._pipe,
            [prompt],
            seed=seed,
            after_step=lambda step: progress(step / STEPS, f"step {step} of {STEPS}"),
        )
        fitted = ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
        return Picture(np.asarray(fitted), self._notes(prompt))

    def _notes(self, prompt: str) -> tuple[str, ...]:
        room = self._pipe.tokenizer.model_max_length
        ids = self._pipe.tokenizer(prompt).input_ids
        if len(ids) <= room:
            return ()
        beyond = self._pipe.tokenizer.decode(ids[room - 1 : -1]).strip()
        return (f"not painted, since the model reads {room - 2} words: {beyond}",)

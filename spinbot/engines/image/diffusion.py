"""The engine `diffusers`: a text-to-image model in diffusers' layout, the starter's or any that its pipelines load."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spinbot.engines.base import Progress
from spinbot.engines.image.base import ImageEngine, Picture, require_size
from spinbot.engines.image.pipeline import STEPS, fitting_size, load_pipeline, paint


class DiffusersEngine(ImageEngine):
    """Paints with the starter model, drawn portraits of 128 x 128 pixels, or with the one that is set in its place."""

    name: ClassVar[str] = "diffusers"
    requires: ClassVar[tuple[str, ...]] = ("starter-portraits",)

    def load(self, progress: Progress) -> None:
        """See `Engine.load`."""
        import torch

        torch.set_num_threads(self.threads)
        progress(0.0, "loading the text-to-image model")
        precision = "float32" if self.device == "cpu" else "float16"
        self._pipe: Any = load_pipeline(self.models(self.requires[0]), device=self.device, precision=precision)
        self._look: Path | None = None
        progress(1.0, "ready")

    def unload(self) -> None:
        """See `Engine.unload`."""
        del self._pipe

    def draw(
        self, prompt: str, *, width: int, height: int, seed: int, progress: Progress, look: Path | None = None
    ) -> Picture:
        """See `ImageEngine.draw`. What a prompt says beyond the model's length is not painted, and noted."""
        require_size(width, height)
        self._wear(look)
        [image] = paint(
            self._pipe,
            [prompt],
            seed=seed,
            size=fitting_size(self._pipe, width, height),
            after_step=lambda step: progress(step / STEPS, f"step {step} of {STEPS}"),
        )
        return Picture(np.asarray(image.convert("RGB")), self._notes(prompt))

    def _wear(self, look: Path | None) -> None:
        """Put on the look that is asked for; one that stays on from the last picture costs nothing."""
        if look == self._look:
            return
        from safetensors.torch import load_file

        if self._look is not None:
            self._pipe.unload_lora_weights()
        self._look = None
        if look is not None:
            self._pipe.load_lora_weights(load_file(look))
            self._look = look

    def _notes(self, prompt: str) -> tuple[str, ...]:
        room = self._pipe.tokenizer.model_max_length
        ids = self._pipe.tokenizer(prompt).input_ids
        if len(ids) <= room:
            return ()
        beyond = self._pipe.tokenizer.decode(ids[room - 1 : -1]).strip()
        return (f"not painted, since the model reads {room - 2} words: {beyond}",)

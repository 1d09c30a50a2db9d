"""The engine `peft`: LoRA training with PEFT on the network of any pipeline that there is a denoiser for.

One loop for all of them. It is resumed exactly: which pictures come at which step, their flips and their noise are
functions of the seed and the step (`batches`), all else is in the checkpoint (`engines/checkpoint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from spinbot.engines.base import Progress
from spinbot.engines.image.pipeline import load_pipeline
from spinbot.engines.lora_trainer.base import Base, Example, LookTrainer, Trained, Watch
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.errors import InputError


class PeftTrainer(LookTrainer):
    """Trains on the starter model, or on the one that is set in its place."""

    name: ClassVar[str] = "peft"
    requires: ClassVar[tuple[str, ...]] = ("starter-portraits",)

    def load(self, progress: Progress) -> None:
        """See `Engine.load`. A training in another precision than float32 loads the pipeline anew."""
        import torch

        torch.set_num_threads(self.threads)
        self._pipe: Any = None
        self._precision = ""
        self._load("float32")

    def unload(self) -> None:
        """See `Engine.unload`."""
        self._pipe = None

    def train(
        self,
        examples: Sequence[Example],
        settings: LookSettings,
        folder: Path,
        watch: Watch,
        resume: Path | None,
        weights: str = "",
    ) -> Trained:
        """See `LookTrainer.train`."""
        from spinbot.engines.lora_trainer.training import Training

        if settings.mixed_precision == "fp16" and self.device == "cpu":
            raise InputError("fp16 cannot be trained on a CPU", hint="set mixed_precision to no or bf16")
        self._load(settings.precision)
        training = Training(self._pipe, Base(self.requires[0], weights), examples, settings, folder, watch)
        try:
            return training.run(resume)
        finally:
            training.close()

    def _load(self, precision: str) -> None:
        if precision != self._precision:
            self._pipe = load_pipeline(self.models(self.requires[0]), device=self.device, precision=precision)
            self._precision = precision

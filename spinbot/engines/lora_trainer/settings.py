"""Everything that may be set about a training, under the names that kohya's scripts and diffusers have made common."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Subject = Literal["person", "style", "object"]
TRIGGER = re.compile(r"[^\W_][\w-]{0,31}")


PRESETS: dict[Subject, dict[str, Any]] = {
    "person": {},
    "style": {"rank": 16, "alpha": 16, "max_train_steps": 500, "prior_pictures": 0, "caption_dropout_rate": 0.1},
    "object": {"flip": False},
}
"""What a preset changes of the defaults: a style is spread over the whole picture and takes more, and has no class to
be kept apart from; an object may bear letters."""


class LookSettings(BaseModel):
    """How a LoRA is trained. Sizes are in pixels, a step is one change of the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trigger: str = Field(
        default="ohwx", description="Stands for what is learned; one that means nothing to the model is learned best"
    )
    preset: Subject = Field(default="person", description="What is learned; decides what is not set")
    max_train_steps: int = Field(default=300, ge=1, le=100_000, description="Steps")
    batch_size: int = Field(default=4, ge=1, le=256, description="Pictures a step and accumulation")
    gradient_accumulation_steps: int = Field(default=1, ge=1, le=256, description="Batches a step")
    learning_rate: float | None = Field(
        default=None, gt=0, le=1, description="At its highest; default: 1e-4, for networks below 100 M parameters 2e-3"
    )
    optimizer: Literal["adamw", "adamw8bit", "prodigy"] = Field(
        default="adamw", description="adamw8bit wants bitsandbytes, prodigy wants prodigyopt"
    )
    weight_decay: float = Field(default=0.01, ge=0, le=1, description="Of the optimizer")
    max_grad_norm: float = Field(default=1.0, gt=0, description="Longer gradients are shortened to this")
    lr_scheduler: Literal["constant", "linear", "cosine"] = Field(
        default="cosine", description="How the rate falls after the warm-up"
    )
    lr_warmup_steps: int = Field(default=10, ge=0, description="Steps in which the rate rises from nothing")
    rank: int = Field(default=8, ge=1, le=256, description="Of each low-rank matrix; kohya: network_dim")
    alpha: float = Field(default=8, gt=0, le=1024, description="Strength is alpha / rank; kohya: network_alpha")
    target_modules: list[str] = Field(
        default=[], description="Ends of the names of the layers that get a LoRA; none: all attention"
    )
    resolution: int = Field(default=0, ge=0, le=2048, description="Side of a square of as many pixels; 0: the model's")
    bucket_step: int = Field(default=64, ge=8, le=512, description="Sides of buckets are multiples of it")
    flip: bool = Field(default=True, description="Mirror every second picture, by chance")
    caption_dropout_rate: float = Field(default=0.05, ge=0, le=1, description="Share of pictures without caption")
    name_only_rate: float = Field(default=0.3, ge=0, le=1, description="Share with no more than the trigger word")
    class_word: str = Field(default="", max_length=60, description="What it is, such as woman; may be left out")
    prior_pictures: int = Field(default=24, ge=0, le=1000, description="Pictures of others, made by the model itself")
    prior_prompts: list[str] = Field(default=[], max_length=1000, description="What they show; none: the preset's")
    prior_share: float = Field(default=0.5, ge=0, le=4, description="Prior pictures for each of the batch")
    prior_loss_weight: float = Field(default=1.0, ge=0, le=10, description="Of a prior picture")
    min_snr_gamma: float | None = Field(
        default=None, ge=0, description="Bound of the weight of steps with little noise; 0: none; default: 5 for noise"
    )
    noise_offset: float = Field(default=0.0, ge=0, le=1, description="Noise added to whole channels")
    ema_decay: float = Field(default=0.0, ge=0, lt=1, description="Of a running mean of the weights; 0: none")
    mixed_precision: Literal["no", "bf16", "fp16"] = Field(default="no", description="fp16 on CUDA only")
    gradient_checkpointing: bool = Field(default=False, description="Half the memory for a third more time")
    save_precision: Literal["float", "bf16", "fp16"] = Field(default="float", description="Of the files")
    sample_every_n_steps: int = Field(default=100, ge=0, description="Steps between samples; 0: at the end only")
    sample_prompts: list[str] = Field(default=[], max_length=16, description="[trigger] stands for the trigger word")
    keep_last: int = Field(default=2, ge=1, le=100, description="Newest versions that are kept beside the best")
    patience: int = Field(default=0, ge=0, description="End after so many samples without a better score; 0: never")
    checkpoint_seconds: float = Field(default=30, gt=0, description="Between two checkpoints")
    seed: int = Field(default=0, ge=0, description="The same seed trains the same LoRA on the same machine")

    @model_validator(mode="before")
    @classmethod
    def _of_the_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {**PRESETS.get(given.get("preset", "person"), {}), **given}

    @field_validator("trigger")
    @classmethod
    def _one_word(cls, trigger: str) -> str:
        if not TRIGGER.fullmatch(trigger):
            raise ValueError("give one word of letters and digits, such as ohwx")
        return trigger

    @property
    def precision(self) -> str:
        """The torch type of the base model's weights while a LoRA is trained on it."""
        return {"no": "float32", "bf16": "bfloat16", "fp16": "float16"}[self.mixed_precision]

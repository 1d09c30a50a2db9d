"""Which denoiser is for which of diffusers' pipelines."""

from __future__ import annotations

from typing import Any

from spinbot.engines.lora_trainer.denoisers.base import Denoiser
from spinbot.engines.lora_trainer.denoisers.diffusion import StableDiffusion, StableDiffusionXL
from spinbot.engines.lora_trainer.denoisers.flow import Flux, StableDiffusion3
from spinbot.errors import InputError

PIPELINES: dict[str, type[Denoiser]] = {
    "StableDiffusionPipeline": StableDiffusion,
    "StableDiffusionXLPipeline": StableDiffusionXL,
    "StableDiffusion3Pipeline": StableDiffusion3,
    "FluxPipeline": Flux,
}


def denoiser_of(pipe: Any) -> Denoiser:
    """The denoiser of a diffusers pipeline. Raises `InputError` (`cannot_train`) for one that there is none for."""
    name = type(pipe).__name__
    if name not in PIPELINES:
        raise InputError(
            f"a {name} cannot be trained here", hint=f"these can: {', '.join(PIPELINES)}", code="cannot_train"
        )
    return PIPELINES[name](pipe)

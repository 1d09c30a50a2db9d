"""The contract: texts and pictures become tensors that are made once, and a batch of them becomes a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

Conditions = dict[str, Any]
"""Tensors of one prompt by name, each (1, ...), on the CPU."""


@dataclass(frozen=True)
class Noising:
    """What the settings say about noise."""

    min_snr_gamma: float | None
    noise_offset: float


class Denoiser(ABC):
    """A pipeline's network and all that must be known to train it."""

    part: ClassVar[str]
    """The pipeline's name of the network: unet or transformer."""
    architecture: str
    """In the words of ModelSpec (github.com/Stability-AI/ModelSpec): what a LoRA's file says it is for."""
    base_version: str
    """The same in kohya's words, `ss_base_model_version` (github.com/kohya-ss/sd-scripts, library/model_util.py)."""
    targets: ClassVar[tuple[str, ...]] = ("to_q", "to_k", "to_v", "to_out.0")
    middle: ClassVar[str]
    """The layer in whose output pictures are compared."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        self.network: Any = getattr(pipe, self.part)
        self.vae: Any = pipe.vae

    @property
    def multiple(self) -> int:
        """Sides of pictures are multiples of this, in pixels."""
        return int(self.pipe.vae_scale_factor)

    @property
    def side(self) -> int:
        """Pixels of the pictures that the model was made for."""
        return int(self.network.config.sample_size) * int(self.pipe.vae_scale_factor)

    @abstractmethod
    def embed(self, prompt: str) -> Conditions:
        """What the network is told of a prompt."""

    @abstractmethod
    def encode(self, pixels: Any) -> tuple[Any, Any]:
        """Mean and deviation of the latents of (n, 3, h, w) in -1..1, scaled as the network takes them."""

    @abstractmethod
    def noisy(self, latents: Any, share: float, noise: Any) -> tuple[Any, Any]:
        """Latents with `share` (0..1) of the whole way to noise, and the time that says so, for each of them."""

    @abstractmethod
    def predict(self, noisy: Any, times: Any, conditions: Conditions) -> Any:
        """The network's answer, in the shape of the latents. Conditions are (n, ...) on the network's device."""

    @abstractmethod
    def losses(self, latents: Any, conditions: Conditions, noising: Noising, chance: Any) -> Any:
        """Loss of each picture (n,), at times and with noise drawn by the generator `chance` on the CPU."""

    def _latents(self, posterior: Any, shift: float = 0.0) -> tuple[Any, Any]:
        scale = self.vae.config.scaling_factor
        return (posterior.mean - shift) * scale, posterior.std * scale


def standard_normal(like: Any, chance: Any) -> Any:
    """Noise in the shape of a tensor, drawn on the CPU so that a seed means the same on every device."""
    import torch

    return torch.randn(like.shape, generator=chance).to(like.device, like.dtype)


def spread(numbers: Any, like: Any) -> Any:
    """(n,) as (n, 1, 1, 1), with the device and type of `like`."""
    return numbers.to(like.device, like.dtype)[:, None, None, None]

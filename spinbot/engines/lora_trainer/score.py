"""How far a LoRA does what it is for: its samples are like the pictures learned, pictures of others stay as they were.

Pictures are compared by the mean output of the middle of the untrained network while it denoises them: such features
tell what is shown better than pixels do (Tang et al. 2023, "Emergent Correspondence from Image Diffusion", arXiv
2306.03881), and no other model is needed. The loss says little: it is mostly the noise that was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spinbot.engines.image.tensors import tensor
from spinbot.engines.lora_trainer.base import Pixels
from spinbot.engines.lora_trainer.denoisers.base import Denoiser, standard_normal

SHARE = 0.25
"""Of the way to noise, at which features are taken."""


class Likeness:
    """Compares samples with the pictures learned. Use it while no LoRA is at work."""

    def __init__(self, denoiser: Denoiser) -> None:
        self._denoiser = denoiser
        self._empty = denoiser.embed("")
        self._learned: list[Any] = []

    def learn(self, picture: Pixels) -> None:
        """Count a picture among those that are learned."""
        self._learned.append(self._feature(picture))

    def begin(self, before: Sequence[Pixels]) -> None:
        """Once all are counted; samples of the untrained model: what is like them has 0, like those learned 1."""
        import torch

        self._origin = self.features(before).mean(0)
        way = torch.stack(self._learned).mean(0) - self._origin
        self._way = way / way.square().sum().clamp(min=1e-12)

    def features(self, pictures: Sequence[Pixels]) -> Any:
        """One vector for each picture, (n, width)."""
        import torch

        return torch.stack([self._feature(picture) for picture in pictures])

    def score(self, samples: Sequence[Pixels], others: Sequence[Pixels]) -> float:
        """Mean of the samples' likeness, less by that of others."""
        found = self._along(samples)
        return found - self._along(others) if others else found

    def _along(self, pictures: Sequence[Pixels]) -> float:
        return float(((self.features(pictures) - self._origin) @ self._way).mean())

    def _feature(self, picture: Pixels) -> Any:
        import torch

        denoiser = self._denoiser
        network = denoiser.network
        with torch.inference_mode():
            pixels = tensor(picture[None]).to(denoiser.vae.device, denoiser.vae.dtype)
            latents = denoiser.encode(pixels)[0].to(network.device, network.dtype)
            noise = standard_normal(latents, torch.Generator().manual_seed(0))
            noisy, times = denoiser.noisy(latents, SHARE, noise)
            conditions = {name: value.to(network.device, network.dtype) for name, value in self._empty.items()}
            seen: list[Any] = []
            hook = _middle(denoiser).register_forward_hook(lambda module, given, answer: seen.append(answer))
            try:
                denoiser.predict(noisy.to(network.dtype), times, conditions)
            finally:
                hook.remove()
            # Blocks of two streams answer (text, picture).
            answer = seen[0][-1] if isinstance(seen[0], tuple) else seen[0]
            return (answer.mean((2, 3)) if answer.ndim == 4 else answer.mean(1))[0].float().cpu().clone()


def _middle(denoiser: Denoiser) -> Any:
    part = getattr(denoiser.network, denoiser.middle)
    return part[len(part) // 2] if hasattr(part, "__len__") else part

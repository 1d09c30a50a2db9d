"""Networks that were trained on straight ways from noise to picture: Stable Diffusion 3 and FLUX.

Rectified flow (Esser et al. 2024, arXiv 2403.03206): a latent at time s of 0..1 is (1 - s) picture + s noise, the
network answers noise - picture, and s is drawn from a logit-normal distribution.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from spinbot.engines.lora_trainer.denoisers.base import Conditions, Denoiser, Noising, spread, standard_normal


class _Flow(Denoiser):
    """What both have in common. Times are shares of the way to noise."""

    part: ClassVar[str] = "transformer"

    def encode(self, pixels: Any) -> tuple[Any, Any]:
        """See `Denoiser.encode`."""
        return self._latents(self.vae.encode(pixels).latent_dist, self.vae.config.shift_factor or 0.0)

    def noisy(self, latents: Any, share: float, noise: Any) -> tuple[Any, Any]:
        """See `Denoiser.noisy`."""
        import torch

        return (1 - share) * latents + share * noise, torch.full((len(latents),), share, device=latents.device)

    def losses(self, latents: Any, conditions: Conditions, noising: Noising, chance: Any) -> Any:
        """See `Denoiser.losses`. Min-SNR is for noise schedules and plays no part here."""
        import torch

        times = torch.randn(len(latents), generator=chance).sigmoid()
        noise = standard_normal(latents, chance)
        if noising.noise_offset:
            noise = noise + noising.noise_offset * standard_normal(latents[:, :, :1, :1], chance)
        far = spread(times, latents)
        found = self.predict((1 - far) * latents + far * noise, times.to(latents.device), conditions)
        return (found.float() - (noise - latents).float()).square().mean((1, 2, 3))

    @abstractmethod
    def predict(self, noisy: Any, times: Any, conditions: Conditions) -> Any:
        """See `Denoiser.predict`."""


class StableDiffusion3(_Flow):
    """Stable Diffusion 3 and 3.5."""

    architecture: str = "stable-diffusion-3"
    base_version: str = "sd3"
    targets: ClassVar[tuple[str, ...]] = (
        "attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0",
        "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj", "attn.to_add_out",
    )  # fmt: skip
    middle: ClassVar[str] = "transformer_blocks"

    @property
    def multiple(self) -> int:
        """See `Denoiser.multiple`."""
        return int(self.pipe.vae_scale_factor * self.network.config.patch_size)

    def embed(self, prompt: str) -> Conditions:
        """See `Denoiser.embed`: `states` (1, tokens, width) and `pooled` (1, width)."""
        states, _, pooled, _ = self.pipe.encode_prompt(
            prompt, None, None, device=self.pipe.device, do_classifier_free_guidance=False
        )
        return {"states": states.cpu(), "pooled": pooled.cpu()}

    def predict(self, noisy: Any, times: Any, conditions: Conditions) -> Any:
        """See `Denoiser.predict`."""
        return self.network(
            hidden_states=noisy,
            timestep=times * self.pipe.scheduler.config.num_train_timesteps,
            encoder_hidden_states=conditions["states"],
            pooled_projections=conditions["pooled"],
        ).sample


class Flux(_Flow):
    """FLUX.1: latents travel as rows of 2 x 2 patches (github.com/black-forest-labs/flux)."""

    architecture: str = "flux-1-dev"
    base_version: str = "flux1"
    targets: ClassVar[tuple[str, ...]] = (*StableDiffusion3.targets,)
    middle: ClassVar[str] = "transformer_blocks"
    guidance: ClassVar[float] = 1.0
    """What a guidance-distilled network is told while it is trained: kohya's default."""

    @property
    def multiple(self) -> int:
        """See `Denoiser.multiple`."""
        return int(self.pipe.vae_scale_factor * 2)

    @property
    def side(self) -> int:
        """See `Denoiser.side`; the network's configuration does not say it."""
        return int(self.pipe.default_sample_size * self.pipe.vae_scale_factor)

    def embed(self, prompt: str) -> Conditions:
        """See `Denoiser.embed`: `states` (1, tokens, width) and `pooled` (1, width)."""
        states, pooled, _ = self.pipe.encode_prompt(prompt, None, device=self.pipe.device)
        return {"states": states.cpu(), "pooled": pooled.cpu()}

    def predict(self, noisy: Any, times: Any, conditions: Conditions) -> Any:
        """See `Denoiser.predict`."""
        import torch

        count, channels, height, width = noisy.shape
        rows = noisy.view(count, channels, height // 2, 2, width // 2, 2)
        rows = rows.permute(0, 2, 4, 1, 3, 5).reshape(count, height * width // 4, channels * 4)
        places = torch.zeros(height // 2, width // 2, 3, device=noisy.device, dtype=noisy.dtype)
        places[..., 1] = torch.arange(height // 2, device=noisy.device)[:, None]
        places[..., 2] = torch.arange(width // 2, device=noisy.device)[None]
        told = noisy.new_full((count,), self.guidance) if self.network.config.guidance_embeds else None
        found = self.network(
            hidden_states=rows,
            timestep=times,
            guidance=told,
            encoder_hidden_states=conditions["states"],
            pooled_projections=conditions["pooled"],
            txt_ids=places.new_zeros(conditions["states"].shape[1], 3),
            img_ids=places.reshape(-1, 3),
        ).sample
        found = found.view(count, height // 2, width // 2, channels, 2, 2).permute(0, 3, 1, 4, 2, 5)
        return found.reshape(count, channels, height, width)

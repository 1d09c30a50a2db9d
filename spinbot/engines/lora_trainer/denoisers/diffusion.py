"""Networks that were trained to undo a noise schedule: Stable Diffusion 1, 2 and XL.

The loss is the squared error of the noise, or of v (Salimans and Ho 2022, arXiv 2202.00512), weighted by min-SNR where
that is asked for (Hang et al. 2023, arXiv 2303.09556, for v as in its appendix).
"""

from __future__ import annotations

from typing import Any, ClassVar

from spinbot.engines.lora_trainer.denoisers.base import Conditions, Denoiser, Noising, spread, standard_normal
from spinbot.errors import InputError

GAMMA = 5.0
"""Of min-SNR, for networks that predict noise."""


class StableDiffusion(Denoiser):
    """Stable Diffusion 1 and 2, and the starter model, which has their layout."""

    part: ClassVar[str] = "unet"
    architecture: str = "stable-diffusion-v1"
    base_version: str = "sd_v1"
    middle: ClassVar[str] = "mid_block"

    def __init__(self, pipe: Any) -> None:
        from diffusers import DDPMScheduler

        super().__init__(pipe)
        # Built anew: only its constructor makes a schedule end in pure noise where the configuration says so.
        self.schedule: Any = DDPMScheduler.from_config(pipe.scheduler.config)
        self.kind: str = self.schedule.config.prediction_type
        if self.kind not in ("epsilon", "v_prediction"):
            raise InputError(f"the model predicts {self.kind!r}", hint="epsilon and v_prediction can be trained")
        self._name()

    def _name(self) -> None:
        """Which of the versions it is: 2 has a text encoder of 1024 numbers; predicting v is a variant of either."""
        by_v = self.kind != "epsilon"
        if self.network.config.cross_attention_dim == 1024:
            self.architecture = "stable-diffusion-v2-768-v" if by_v else "stable-diffusion-v2-512"
            self.base_version = "sd_v2"
        self.base_version += "_v" if by_v else ""

    def embed(self, prompt: str) -> Conditions:
        """See `Denoiser.embed`: `states` (1, tokens, width)."""
        states, _ = self.pipe.encode_prompt(prompt, self.pipe.device, 1, False)
        return {"states": states.cpu()}

    def encode(self, pixels: Any) -> tuple[Any, Any]:
        """See `Denoiser.encode`."""
        return self._latents(self.vae.encode(pixels).latent_dist)

    def noisy(self, latents: Any, share: float, noise: Any) -> tuple[Any, Any]:
        """See `Denoiser.noisy`."""
        import torch

        times = torch.full((len(latents),), int(share * (self.schedule.config.num_train_timesteps - 1)))
        return self._mix(latents, times, noise), times.to(latents.device)

    def predict(self, noisy: Any, times: Any, conditions: Conditions) -> Any:
        """See `Denoiser.predict`."""
        return self.network(noisy, times, conditions["states"]).sample

    def losses(self, latents: Any, conditions: Conditions, noising: Noising, chance: Any) -> Any:
        """See `Denoiser.losses`."""
        import torch

        times = torch.randint(self.schedule.config.num_train_timesteps, (len(latents),), generator=chance)
        noise = standard_normal(latents, chance)
        if noising.noise_offset:
            noise = noise + noising.noise_offset * standard_normal(latents[:, :, :1, :1], chance)
        truth = noise if self.kind == "epsilon" else self._v(latents, times, noise)
        found = self.predict(self._mix(latents, times, noise), times.to(latents.device), conditions)
        each = (found.float() - truth.float()).square().mean((1, 2, 3))
        return each * self._weights(times, noising.min_snr_gamma).to(each.device)

    def _weights(self, times: Any, gamma: float | None) -> Any:
        import torch

        if gamma is None:
            # With v the weight of the noisiest steps, which decide on the layout, would be .005.
            gamma = GAMMA if self.kind == "epsilon" else 0.0
        if not gamma:
            return torch.ones(len(times))
        signal = self.schedule.alphas_cumprod[times]
        ratio = signal / (1 - signal)
        return ratio.clamp(max=gamma) / (ratio if self.kind == "epsilon" else ratio + 1)

    def _mix(self, latents: Any, times: Any, noise: Any) -> Any:
        signal = spread(self.schedule.alphas_cumprod[times], latents)
        return signal.sqrt() * latents + (1 - signal).sqrt() * noise

    def _v(self, latents: Any, times: Any, noise: Any) -> Any:
        signal = spread(self.schedule.alphas_cumprod[times], latents)
        return signal.sqrt() * noise - (1 - signal).sqrt() * latents


class StableDiffusionXL(StableDiffusion):
    """Stable Diffusion XL: two text encoders, and the picture's size is told (Podell et al. 2023, arXiv 2307.01952)."""

    architecture: str = "stable-diffusion-xl-v1-base"
    base_version: str = "sdxl_base_v1-0"

    def _name(self) -> None:
        """There is one version."""

    def embed(self, prompt: str) -> Conditions:
        """See `Denoiser.embed`: `states` (1, tokens, width) and `pooled` (1, width)."""
        states, _, pooled, _ = self.pipe.encode_prompt(
            prompt, device=self.pipe.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        return {"states": states.cpu(), "pooled": pooled.cpu()}

    def predict(self, noisy: Any, times: Any, conditions: Conditions) -> Any:
        """See `Denoiser.predict`. A picture is said to be whole and of the size that it has."""
        factor = self.pipe.vae_scale_factor
        height, width = noisy.shape[-2] * factor, noisy.shape[-1] * factor
        told = noisy.new_tensor([height, width, 0, 0, height, width]).expand(len(noisy), 6)
        added = {"text_embeds": conditions["pooled"], "time_ids": told}
        return self.network(noisy, times, conditions["states"], added_cond_kwargs=added).sample

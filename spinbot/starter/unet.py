"""Stage 6: the UNet learns to make latents from captions, in the layout of Stable Diffusion 1.5, only smaller.

v-prediction (Salimans and Ho 2022, arXiv 2202.00512) on a schedule that ends in pure noise (Lin et al. 2023, "Common
diffusion noise schedules and sample steps are flawed", arXiv 2305.08891). That end matters here: with the usual
schedule the mean colours of flat pictures can still be read at the last step, so training never asks the text for
them.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from spinbot.starter import latents, pictures, text, words
from spinbot.starter.captions import caption
from spinbot.starter.muon import Optimiser
from spinbot.starter.recipe import FACTOR, LATENT_CHANNELS, SEED, SIDE
from spinbot.starter.training import train, trained
from spinbot.starter.work import Work

STEPS = 1000
"""Of the noise schedule."""
NOISY = 880
NOISY_SHARE = 0.2
"""So many samples are from the noisiest steps, where layout and colours are decided; the rest are at 1000 u^0.8."""
UNCONDITIONED = 0.1
"""Share of empty captions, for classifier-free guidance."""
RATE = 2e-3
TEXT_RATE = 0.3 * RATE
CONSTANT_UNTIL = 0.45
"""Share of the time at the full learning rate, which then falls to nothing in a line."""
ADAM_PARTS = ("conv_in.", "conv_out.", "time_embedding.", "time_emb_proj.")
"""Inputs, outputs and times are no hidden matrices: AdamW is better for them."""
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "rescale_betas_zero_snr": True}


def network(work: Work) -> Any:
    """A new UNet2DConditionModel; 7 M parameters at widths (64, 128, 128)."""
    import torch
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return UNet2DConditionModel(
            sample_size=SIDE // FACTOR,
            in_channels=LATENT_CHANNELS,
            out_channels=LATENT_CHANNELS,
            block_out_channels=work.recipe.unet_widths,
            layers_per_block=1,
            # Attention at 8x8 and 4x4 only: at 16x16 as well, a step takes 1.5 times as long.
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=4,  # in this layout the number of heads
            cross_attention_dim=work.recipe.text_width,
            norm_num_groups=16,
        )


def signal() -> Any:
    """Share of a sample's variance that is picture, at each of the 1000 steps: float32 (1000,)."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(STEPS, **BETAS).alphas_cumprod


class Denoising:
    """Stage 6. The text encoder learns on at a lower rate; its token table stays, for the words that are not seen."""

    stage = "unet"
    ema = 0.997

    def __init__(self, work: Work) -> None:
        self.work = work
        self.seconds = work.recipe.unet_seconds
        self.batch = work.recipe.unet_batch
        self.latents = latents.load(work)
        self.looks = pictures.looks(work.folder)
        self.train_on = work.recipe.pictures - work.recipe.held_out
        self.tokenizer = words.tokenizer_of(work)
        self.signal = signal()

    def module(self) -> Any:
        """See `Lesson`."""
        import torch

        encoder = text.encoder(self.work).requires_grad_(True)
        encoder.embeddings.token_embedding.requires_grad_(False)
        return torch.nn.ModuleDict({"unet": network(self.work), "text": encoder})

    def optimiser(self, module: Any) -> Optimiser:
        """See `Lesson`."""
        matrices: list[Any] = []
        others: list[Any] = []
        for name, parameter in module["unet"].named_parameters():
            hidden = parameter.ndim > 1 and not any(part in name for part in ADAM_PARTS)
            (matrices if hidden else others).append(parameter)
        reading = [parameter for parameter in module["text"].parameters() if parameter.requires_grad]
        return Optimiser(matrices, RATE, [(others, RATE), (reading, TEXT_RATE)])

    def rate(self, share: float) -> float:
        """See `Lesson`."""
        warm = min(1.0, 100 * share + 0.01)
        return warm * min(1.0, (1 - share) / (1 - CONSTANT_UNTIL))

    def loss(self, module: Any, rng: Random, share: float) -> Any:
        """See `Lesson`."""
        import torch

        chosen = [rng.randrange(self.train_on) for _ in range(self.batch)]
        captions = ["" if rng.random() < UNCONDITIONED else caption(self.looks[i], rng).text for i in chosen]
        times = [_time(rng) for _ in chosen]
        return self._errors(module, chosen, captions, torch.tensor(times)).mean()

    def measure(self, module: Any) -> dict[str, float]:
        """Mean squared error of v on held-out pictures, over all times in equal steps, and over the noisiest."""
        import torch

        held_out = range(self.train_on, len(self.looks))
        rng = Random(SEED)
        captions = [caption(self.looks[i], rng).text for i in held_out]
        count = len(captions)
        figures = {}
        with torch.no_grad(), torch.random.fork_rng():
            for name, first in (("v_loss", 0), ("v_loss_noisy", NOISY)):
                torch.manual_seed(SEED)
                times = torch.linspace(first, STEPS - 1, count).long()
                times = times[torch.randperm(count)]
                figures[name] = float(self._errors(module, list(held_out), captions, times).mean())
        return figures

    def _errors(self, module: Any, chosen: list[int], captions: list[str], times: Any) -> Any:
        """Squared error of each number of v: (n, 8, 16, 16)."""
        import torch

        clean = torch.from_numpy(np.ascontiguousarray(self.latents[chosen]))
        noise = torch.randn_like(clean)
        signal = self.signal[times][:, None, None, None]
        noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
        truth = signal.sqrt() * noise - (1 - signal).sqrt() * clean
        states = module["text"](input_ids=words.encode(self.tokenizer, captions)).last_hidden_state
        return (module["unet"](noisy, times, states).sample - truth).square()


def _time(rng: Random) -> int:
    if rng.random() < NOISY_SHARE:
        return rng.randrange(NOISY, STEPS)
    return min(STEPS - 1, int(STEPS * rng.random() ** 0.8))


def make(work: Work, processes: int) -> None:
    """The stage."""
    work.require("unet", ("latents", "text"))
    train(Denoising, work, processes)


def parts(work: Work) -> Any:
    """The finished UNet and text encoder: a ModuleDict of `unet` and `text`."""
    return trained(Denoising, work)

"""Stage 3: the autoencoder (f = 8, 8 latent channels)."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from spinbot.engines.image.tensors import tensor
from spinbot.starter import pictures
from spinbot.starter.colour_through import start
from spinbot.starter.muon import Optimiser
from spinbot.starter.recipe import LATENT_CHANNELS, SEED, SIDE
from spinbot.starter.training import train, trained
from spinbot.starter.work import Work

CROP = 64
CROPS_UNTIL = 0.7
"""Crops first, four for the price of a picture; then whole pictures, since what the norms see differs."""
FACE = (24, 40)
"""A crop on the face begins between these rows and columns."""
EDGES = 0.5
KL = 3e-5
"""Weights beside the L1 loss: of L1 between neighbouring pixels' differences, of KL per latent number."""


def network(widths: tuple[int, ...]) -> Any:
    """A new AutoencoderKL in [-1, 1] pictures; 1.5 M parameters at (16, 24, 48, 96)."""
    import torch
    from diffusers import AutoencoderKL

    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        vae = AutoencoderKL(
            block_out_channels=widths,
            down_block_types=("DownEncoderBlock2D",) * len(widths),
            up_block_types=("UpDecoderBlock2D",) * len(widths),
            latent_channels=LATENT_CHANNELS,
            layers_per_block=1,
            mid_block_add_attention=False,
            norm_num_groups=1,  # groups of two channels hide absolute colour
            sample_size=SIDE,
            scaling_factor=1.0,
        )
        start(vae)
    return vae


def distance(made: Any, truth: Any) -> Any:
    """L1 of pixels and of the steps between neighbours; both (n, 3, h, w)."""
    difference = made - truth
    across = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return difference.abs().mean() + EDGES * (across + down) / 2


def psnr(made: Any, truth: Any) -> float:
    """Peak signal-to-noise ratio in dB, over all pictures, of values in -1..1."""
    return float(10 * math.log10(4 / float((made.clamp(-1, 1) - truth).square().mean())))


def matrices_first(module: Any, rate: float) -> Optimiser:
    """Muon for all matrices and convolutions, AdamW for norms and biases."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    return Optimiser(matrices, rate, [(others, rate)])


class Autoencoder:
    """Stage 3: encoder and decoder together."""

    stage = "vae"
    batch = 2
    ema = 0.985

    def __init__(self, work: Work) -> None:
        self.widths = work.recipe.vae_widths
        self.seconds = work.recipe.vae_seconds
        self.pictures = pictures.load(work)
        self.train_on = work.recipe.pictures - work.recipe.held_out
        self.truth = tensor(self.pictures[self.train_on :][:16])

    def module(self) -> Any:
        """See `Lesson`."""
        return network(self.widths)

    def optimiser(self, module: Any) -> Optimiser:
        """See `Lesson`."""
        return matrices_first(module, 1.5e-3)

    def rate(self, share: float) -> float:
        """See `Lesson`."""
        return 0.5 + 0.5 * math.cos(math.pi * share)

    def loss(self, module: Any, rng: Random, share: float) -> Any:
        """See `Lesson`."""
        import torch

        batch = self._crops(rng) if share < CROPS_UNTIL else self.whole(rng)
        latents = module.encode(batch).latent_dist
        noise = torch.randn(latents.mean.shape)
        made = module.decode(latents.mean + latents.std * noise).sample
        return distance(made, batch) + KL * latents.kl().mean() / latents.mean[0].numel()

    def measure(self, module: Any) -> dict[str, float]:
        """See `Lesson`."""
        import torch

        with torch.no_grad():
            made = module.decode(module.encode(self.truth).latent_dist.mean).sample
        return {"psnr_db": psnr(made, self.truth)}

    def whole(self, rng: Random) -> Any:
        """Two pictures."""
        return tensor(self.pictures[[rng.randrange(self.train_on) for _ in range(self.batch)]])

    def _crops(self, rng: Random) -> Any:
        """Eight crops, half of them on the face: pixels of two pictures."""
        import numpy as np

        crops = []
        for number in range(self.batch * (SIDE // CROP) ** 2):
            low, high = FACE if number % 2 else (0, SIDE - CROP)
            row, column = rng.randint(low, high), rng.randint(low, high)
            crops.append(self.pictures[rng.randrange(self.train_on), row : row + CROP, column : column + CROP])
        return tensor(np.stack(crops))


def make(work: Work, processes: int) -> None:
    """The stage `vae`."""
    work.require("vae", ("pictures",))
    train(Autoencoder, work, processes)


def autoencoder(work: Work) -> Any:
    """What the stage `vae` has left."""
    return trained(Autoencoder, work)

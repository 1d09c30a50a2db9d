"""Stage 7: the decoder alone learns on, from the latents that stay as they are; 23.7 -> 30.2 dB in the first trial."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from spinbot.engines.image.tensors import tensor
from spinbot.starter import latents, pictures
from spinbot.starter.muon import Optimiser
from spinbot.starter.training import train, trained
from spinbot.starter.vae import distance, matrices_first, psnr
from spinbot.starter.work import Work

NOISE = 0.12
"""Most noise on the latents: what the UNet makes is not exact."""


class Decoding:
    """Stage 7."""

    stage = "decoder"
    batch = 2
    ema = 0.99

    def __init__(self, work: Work) -> None:
        import torch

        self.work = work
        self.seconds = work.recipe.decoder_seconds
        self.pictures, self.latents = pictures.load(work), latents.load(work)
        self.train_on = work.recipe.pictures - work.recipe.held_out
        self.truth = tensor(self.pictures[self.train_on :][:16])
        self.truth_latents = torch.from_numpy(self.latents[self.train_on :][:16].copy())

    def module(self) -> Any:
        """The whole autoencoder, of which only the part behind the latents is trained."""
        network = latents.autoencoder(self.work)
        network.decoder.requires_grad_(True)
        network.post_quant_conv.requires_grad_(True)
        return network

    def optimiser(self, module: Any) -> Optimiser:
        """See `Lesson`."""
        return matrices_first(module, 1e-3)

    def rate(self, share: float) -> float:
        """See `Lesson`."""
        return min(1.0, 20 * share + 0.05) * (0.5 + 0.5 * math.cos(math.pi * share))

    def loss(self, module: Any, rng: Random, share: float) -> Any:
        """See `Lesson`."""
        import torch

        chosen = [rng.randrange(self.train_on) for _ in range(self.batch)]
        z = torch.from_numpy(self.latents[chosen])
        z = z + torch.randn_like(z) * (NOISE * torch.rand(len(chosen), 1, 1, 1))
        return distance(module.decode(z).sample, tensor(self.pictures[chosen]))

    def measure(self, module: Any) -> dict[str, float]:
        """See `Lesson`."""
        import torch

        with torch.no_grad():
            return {"psnr_db": psnr(module.decode(self.truth_latents).sample, self.truth)}


def make(work: Work, processes: int) -> None:
    """The stage."""
    work.require("decoder", ("latents",))
    train(Decoding, work, processes)


def autoencoder(work: Work) -> Any:
    """The finished autoencoder."""
    return trained(Decoding, work)

"""Stage 4: every picture as latents, each channel centred and scaled, and the autoencoder changed to fit, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spinbot.disk import whole_file
from spinbot.engines.image.tensors import tensor
from spinbot.starter import crew, pictures, vae
from spinbot.starter.colour_through import COLOURS
from spinbot.starter.recipe import FACTOR, LATENT_CHANNELS, SIDE
from spinbot.starter.work import Work

CHUNK = 32
"""Pictures that are encoded together: about 1 s."""
DETAIL = 0.75
"""Standard deviation of the channels that are not the small picture (1): errors there are seen less."""


def make(work: Work, processes: int) -> None:
    """The stage: `latents.npy` float32 (n, 8, 16, 16) and `folded.pt`, the autoencoder that gives and takes them."""
    import torch

    work.require("latents", ("vae",))
    count, side = work.recipe.pictures, SIDE // FACTOR
    for name, kind, shape in (
        ("latents.raw.npy", np.float32, (count, LATENT_CHANNELS, side, side)),
        ("latents.there.npy", np.uint8, (-(-count // CHUNK),)),
    ):
        if not work.path(name).exists():
            with whole_file(work.path(name)) as part:
                np.lib.format.open_memmap(part, "w+", kind, shape).flush()
    crew.run(processes, _encode, work, processes)
    raw = np.load(work.path("latents.raw.npy"))
    mean, deviation = raw.mean((0, 2, 3)), raw.std((0, 2, 3))
    scale = (deviation / np.where(np.arange(LATENT_CHANNELS) < COLOURS, 1.0, DETAIL)).astype(np.float32)
    with whole_file(work.path("latents.npy")) as part:
        np.save(part, (raw - mean[:, None, None]) / scale[:, None, None])
    folded = fold(vae.autoencoder(work), torch.from_numpy(mean), torch.from_numpy(scale))
    work.save("folded", folded.state_dict())
    work.finish("latents", deviation=[round(float(number), 3) for number in deviation])


def load(work: Work) -> npt.NDArray[np.float32]:
    """The latents of all pictures, read-only: (n, 8, 16, 16)."""
    latents: npt.NDArray[np.float32] = np.load(work.path("latents.npy"), mmap_mode="r")
    return latents


def autoencoder(work: Work) -> Any:
    """The autoencoder whose latents `latents.npy` are."""
    folded = vae.network(work.recipe.vae_widths)
    folded.load_state_dict(work.load("folded") or {})
    return folded.eval().requires_grad_(False)


def fold(network: Any, mean: Any, scale: Any) -> Any:
    """Makes an AutoencoderKL give (z - mean) / scale in place of z, and take it; `mean` and `scale` are (channels,).

    Both 1x1 convolutions at the latents absorb it, so no `scaling_factor` is needed and pictures stay the same.
    """
    import torch

    channels = len(mean)
    into, out = network.quant_conv, network.post_quant_conv
    with torch.no_grad():
        into.weight[:channels] /= scale[:, None, None, None]
        into.bias[:channels] = (into.bias[:channels] - mean) / scale
        into.bias[channels:] -= 2 * scale.log()  # the log-variance
        out.bias += out.weight[:, :, 0, 0] @ mean
        out.weight *= scale[None, :, None, None]
    return network


def _encode(rank: int, work: Work, processes: int) -> None:
    import torch

    torch.set_num_threads(1)
    network, drawn = vae.autoencoder(work), pictures.load(work)
    raw = np.load(work.path("latents.raw.npy"), mmap_mode="r+")
    there = np.load(work.path("latents.there.npy"), mmap_mode="r+")
    for chunk in range(rank, len(there), processes):
        if there[chunk]:
            continue
        here = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        with torch.no_grad():
            raw[here] = network.encode(tensor(drawn[here])).latent_dist.mean.numpy()
        raw.flush()
        there[chunk] = 1
        if rank == 0 and chunk // processes % 20 == 0:
            work.say("latents", f"{int(there.sum()) * CHUNK} of {len(drawn)} pictures")

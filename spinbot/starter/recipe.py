"""Every number of the recipe, for the real run and for one that takes seconds."""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 128
"""Pixels of a picture."""
FACTOR = 8
"""Pixels of a latent's side."""
LATENT_CHANNELS = 8
MAX_TOKENS = 48
SEED = 20_260


@dataclass(frozen=True)
class Recipe:
    """What a run spends and how large its networks are. Seconds are of wall time."""

    name: str
    pictures: int
    held_out: int
    """The last pictures are for measuring only."""
    words: int
    """Common English words that get a token of their own."""
    prompts: int
    """In which a language model is asked for the colour of each."""
    vae_seconds: float
    text_seconds: float
    unet_seconds: float
    decoder_seconds: float
    vae_widths: tuple[int, ...]
    text_width: int
    text_layers: int
    unet_widths: tuple[int, ...]
    unet_batch: int
    checkpoint_seconds: float
    """Between two checkpoints: what `kill -9` may cost."""
    measure_seconds: float
    """Between two looks at the held-out pictures."""


FULL = Recipe(
    name="full",
    pictures=10_000,
    held_out=64,
    words=8_000,
    prompts=4,
    vae_seconds=18 * 60,
    text_seconds=4 * 60,
    unet_seconds=60 * 60,
    decoder_seconds=8 * 60,
    vae_widths=(16, 24, 48, 96),
    text_width=160,
    text_layers=3,
    unet_widths=(64, 128, 128),
    unet_batch=32,
    checkpoint_seconds=45,
    measure_seconds=180,
)
SMALL = Recipe(
    name="small",
    pictures=160,
    held_out=16,
    words=300,
    prompts=0,
    vae_seconds=3,
    text_seconds=2,
    unet_seconds=4,
    decoder_seconds=2,
    vae_widths=(16, 16, 16, 16),
    text_width=32,
    text_layers=2,
    unet_widths=(16, 32, 32),
    unet_batch=8,
    checkpoint_seconds=0.5,
    measure_seconds=2,
)
RECIPES = {recipe.name: recipe for recipe in (FULL, SMALL)}

"""The recipe of the starter text-to-image model: drawn portraits and captions in, a Stable Diffusion folder out.

    python -m spinbot.starter --work DIR [--out DIR] [stage ...]

One file a stage, in this order: `pictures`, `words`, `vae`, `latents`, `text`, `unet`, `decoder`, `export`. What they
share: `recipe` has every number, `work` the folder with what is done and the checkpoints, `training` the loop (several
processes on one set of weights), `lexicon` and `captions` the wording. `judge` tells attributes from pixels, for tests.
"""

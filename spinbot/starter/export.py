"""Stage 8: a folder that `StableDiffusionPipeline.from_pretrained` loads, in fp16, with a model card."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spinbot.disk import storage_errors
from spinbot.engines.image.pipeline import GUIDANCE, RESCALE, STEPS
from spinbot.errors import InputError
from spinbot.starter import card, decoder, unet, words
from spinbot.starter.work import Work


def make(work: Work, out: Path) -> None:
    """The stage. An older export at `out` gives way when the new one is complete.

    Raises `InputError` where `out` is something else, which is left alone.
    """
    import torch

    work.require("export", ("unet", "decoder"))
    if out.exists() and any(out.iterdir()) and not (out / "model_index.json").exists():
        raise InputError(f"{out} is not empty and no model", hint="choose another --out folder")
    part = out.with_name(f".{out.name}.part")
    with storage_errors(out):
        shutil.rmtree(part, ignore_errors=True)
        pipeline(work).to(torch.float16).save_pretrained(part, safe_serialization=True)
        card.write(part, work, samples(part, card.PROMPTS))
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    megabytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    work.finish("export", folder=str(out), megabytes=round(megabytes, 1))


def pipeline(work: Work) -> Any:
    """The finished networks as a StableDiffusionPipeline in float32."""
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    learned = unet.parts(work)
    scheduler = DPMSolverMultistepScheduler(
        unet.STEPS,
        **unet.BETAS,
        prediction_type="v_prediction",
        timestep_spacing="trailing",  # or sampling would not begin at pure noise
        algorithm_type="dpmsolver++",
    )
    return StableDiffusionPipeline(
        vae=decoder.autoencoder(work),
        text_encoder=learned["text"],
        tokenizer=words.tokenizer_of(work),
        unet=learned["unet"],
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def samples(folder: Path, prompts: tuple[str, ...], seed: int = 0) -> npt.NDArray[np.uint8]:
    """One picture of each prompt by the model in `folder`, as a user gets it: (n, 128, 128, 3)."""
    import torch
    from diffusers import StableDiffusionPipeline

    made = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    made.set_progress_bar_config(disable=True)
    noise = [torch.Generator().manual_seed(seed + number) for number in range(len(prompts))]
    pictures = made(
        list(prompts),
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        guidance_rescale=RESCALE,
        generator=noise,
        output_type="np",
    ).images
    return np.asarray((np.clip(pictures, 0, 1) * 255).round(), np.uint8)

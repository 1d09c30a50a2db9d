"""The LoRA as files that load elsewhere: diffusers' layout and kohya's, with what both put into the header."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spinbot.engines.lora_trainer.base import Base
from spinbot.engines.lora_trainer.captions import learned
from spinbot.engines.lora_trainer.denoisers.base import Denoiser
from spinbot.engines.lora_trainer.kohya import Layers, kohya_layers
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.packing import write_tensors

BASE, TRIGGER, PHRASE = "spinbot.base", "spinbot.trigger", "spinbot.phrase"
"""Digest of the base model's weights; the trigger word; what to say to get what was learned."""


def layers_of(weights: Mapping[str, Any], settings: LookSettings) -> Layers:
    """PEFT's weights as pairs whose alpha equals the rank: with no alpha to be lost, all loaders get one strength."""
    import torch

    precision = {"float": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[settings.save_precision]
    scale = settings.alpha / settings.rank
    names = sorted({name.split(".lora_")[0] for name in weights})
    return {
        name: (
            weights[f"{name}.lora_A.weight"].to("cpu", precision),
            (weights[f"{name}.lora_B.weight"].float() * scale).to("cpu", precision),
        )
        for name in names
    }


def write_diffusers(file: Path, denoiser: Denoiser, layers: Layers, header: Mapping[str, str]) -> None:
    """`pytorch_lora_weights.safetensors` as `load_lora_weights` takes it. Raises `StorageError`."""
    tensors = {}
    for name, (down, up) in layers.items():
        tensors[f"{denoiser.part}.{name}.lora_A.weight"] = down
        tensors[f"{denoiser.part}.{name}.lora_B.weight"] = up
    rank = len(next(iter(layers.values()))[0])
    config = {"r": rank, "lora_alpha": rank, "target_modules": sorted(layers)}
    packed = {f"{denoiser.part}.{name}": value for name, value in config.items()}
    write_tensors(
        file, tensors, {"format": "pt", "lora_adapter_metadata": json.dumps(packed, sort_keys=True), **header}
    )


def write_kohya(file: Path, denoiser: Denoiser, layers: Layers, header: Mapping[str, str]) -> None:
    """One file as kohya's scripts write it. Raises `StorageError`."""
    outputs = {
        name.removesuffix(".base_layer"): module.out_features
        for name, module in denoiser.network.named_modules()
        if hasattr(module, "out_features")
    }
    tensors = kohya_layers(type(denoiser).__name__, layers, outputs)
    write_tensors(file, tensors, {"format": "pt", **header})


def header_of(
    denoiser: Denoiser, settings: LookSettings, *, base: Base, captions: Sequence[str], step: int, rate: float
) -> dict[str, str]:
    """What ModelSpec 1.0.1 and kohya's `ss_` fields say of a LoRA; all values are strings.

    There is no date in it: the same training gives the same file.
    """
    words = Counter(part.strip() for caption in captions for part in caption.split(",") if part.strip())
    side = settings.resolution or denoiser.side
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{denoiser.architecture}/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": settings.trigger,
        "modelspec.resolution": f"{side}x{side}",
        "modelspec.trigger_phrase": settings.trigger,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(settings.rank),
        "ss_network_alpha": str(settings.rank),
        "ss_base_model_version": denoiser.base_version,
        "ss_sd_model_name": base.name,
        "ss_output_name": settings.trigger,
        "ss_tag_frequency": json.dumps({settings.trigger: dict(words)}),
        "ss_num_train_images": str(len(captions)),
        "ss_steps": str(step),
        "ss_max_train_steps": str(settings.max_train_steps),
        "ss_learning_rate": str(rate),
        "ss_lr_scheduler": settings.lr_scheduler,
        "ss_optimizer": settings.optimizer,
        "ss_resolution": f"({side}, {side})",
        "ss_seed": str(settings.seed),
        "ss_min_snr_gamma": str(settings.min_snr_gamma),
        "ss_noise_offset": str(settings.noise_offset),
        "ss_caption_dropout_rate": str(settings.caption_dropout_rate),
        "ss_mixed_precision": settings.mixed_precision,
        BASE: base.digest,
        TRIGGER: settings.trigger,
        PHRASE: learned("", settings),
    }

"""A LoRA in the layout of kohya's scripts, which ComfyUI, A1111 and others load.

Each layer has `NAME.lora_down.weight` (rank, inputs), `NAME.lora_up.weight` (outputs, rank) and `NAME.alpha`. Networks
with a U-Net go by diffusers' names. The transformers go by those of the models' own repositories, where query, key and
value are one layer: that gets the matrices of the three side by side (github.com/kohya-ss/sd-scripts,
networks/convert_flux_lora.py; diffusers.loaders.lora_conversion_utils reads it back).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Layers = Mapping[str, tuple[Any, Any]]
"""A (rank, inputs) and B (outputs, rank) of each layer, by its name in the network; alpha equals the rank."""
PREFIX = "lora_unet_"


@dataclass(frozen=True)
class _Fused:
    """A layer of the original network, and which of diffusers' layers are its parts, in order."""

    original: str
    parts: tuple[str, ...]


_QKV = ("attn.to_q", "attn.to_k", "attn.to_v")
_ADDED = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
_TABLES: dict[str, dict[str, tuple[_Fused, ...]]] = {
    "StableDiffusion3": {
        "transformer_blocks": (
            _Fused("joint_blocks_{}_x_block_attn_qkv", _QKV),
            _Fused("joint_blocks_{}_x_block_attn_proj", ("attn.to_out.0",)),
            _Fused("joint_blocks_{}_context_block_attn_qkv", _ADDED),
            _Fused("joint_blocks_{}_context_block_attn_proj", ("attn.to_add_out",)),
            _Fused("joint_blocks_{}_x_block_mlp_fc1", ("ff.net.0.proj",)),
            _Fused("joint_blocks_{}_x_block_mlp_fc2", ("ff.net.2",)),
        ),
    },
    "Flux": {
        "transformer_blocks": (
            _Fused("double_blocks_{}_img_attn_qkv", _QKV),
            _Fused("double_blocks_{}_img_attn_proj", ("attn.to_out.0",)),
            _Fused("double_blocks_{}_txt_attn_qkv", _ADDED),
            _Fused("double_blocks_{}_txt_attn_proj", ("attn.to_add_out",)),
            _Fused("double_blocks_{}_img_mlp_0", ("ff.net.0.proj",)),
            _Fused("double_blocks_{}_img_mlp_2", ("ff.net.2",)),
        ),
        "single_transformer_blocks": (
            _Fused("single_blocks_{}_linear1", (*_QKV, "proj_mlp")),
            _Fused("single_blocks_{}_linear2", ("proj_out",)),
        ),
    },
}


def kohya_layers(kind: str, layers: Layers, outputs: Mapping[str, int]) -> dict[str, Any]:
    """The tensors of a kohya file; `kind` is the name of the denoiser's class.

    `outputs` are the numbers of outputs of all linear layers, by name: parts that have no LoRA are nothing but zeros.
    Raises `KeyError` for a layer that the original network has no name for.
    """
    if kind not in _TABLES:
        named = {PREFIX + name.replace(".", "_"): pair for name, pair in layers.items()}
    else:
        named = _original(_TABLES[kind], layers, outputs)
    found: dict[str, Any] = {}
    for name, (down, up) in named.items():
        found |= {
            f"{name}.lora_down.weight": down.contiguous(),
            f"{name}.lora_up.weight": up.contiguous(),
            f"{name}.alpha": down.new_tensor(float(len(down))),
        }
    return found


def _original(
    table: Mapping[str, tuple[_Fused, ...]], layers: Layers, outputs: Mapping[str, int]
) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    groups: dict[tuple[str, str, _Fused], dict[str, tuple[Any, Any]]] = defaultdict(dict)
    for name, pair in layers.items():
        match = re.fullmatch(r"(\w+)\.(\d+)\.(.+)", name)
        stack, number, rest = match.groups() if match else ("", "", name)
        fused = next((fused for fused in table.get(stack, ()) if rest in fused.parts), None)
        if fused is None:
            raise KeyError(name)
        groups[stack, number, fused][rest] = pair
    for (stack, number, fused), pairs in groups.items():
        sizes = [outputs[f"{stack}.{number}.{part}"] for part in fused.parts]
        found[PREFIX + fused.original.format(number)] = _joined([pairs.get(part) for part in fused.parts], sizes)
    return found


def _joined(pairs: list[tuple[Any, Any] | None], sizes: list[int]) -> tuple[Any, Any]:
    """One pair for layers that share their inputs: downs on top of each other, ups along the diagonal."""
    import torch

    some = next(pair for pair in pairs if pair is not None)
    rank, inputs = some[0].shape
    whole = [pair or (some[0].new_zeros(rank, inputs), None) for pair in pairs]
    up = some[1].new_zeros(sum(sizes), rank * len(pairs))
    row = 0
    for place, ((_, part), size) in enumerate(zip(whole, sizes, strict=True)):
        if part is not None:
            up[row : row + size, place * rank : (place + 1) * rank] = part
        row += size
    return torch.cat([down for down, _ in whole]), up

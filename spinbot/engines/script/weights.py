"""The model's files: the GGUF as it is shipped, and what is derived from it once.

transformers needs some 40 s on two cores to read a GGUF (it turns every quantised block into float32 and rebuilds the
tokenizer), so the first load writes `.derived/` beside it: int8 matrices with one scale per row, the tokenizer and the
sizes, 137 MB. Every later load takes about a second.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spinbot.engines.script.llama import Shape
from spinbot.errors import ModelError, StorageError

DERIVED = ".derived"
LAYER = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def derived(folder: Path) -> Path:
    """The folder with `model.safetensors`, `shape.json` and `tokenizer.json`; made from the GGUF if it is not there.

    Raises `ModelError` where there is no GGUF, `StorageError` where the folder cannot be written.
    """
    found = folder / DERIVED
    if found.is_dir():
        return found
    ggufs = sorted(folder.glob("*.gguf"))
    if not ggufs:
        raise ModelError(f"no .gguf file in model {folder.name}", hint=f"run: spinbot models pull {folder.name}")
    try:
        partial = Path(tempfile.mkdtemp(prefix=f"{DERIVED}.", dir=folder))
        try:
            convert(ggufs[0], partial)
            os.replace(partial, found)
        except OSError:
            if not found.is_dir():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"cannot write the prepared weights of {folder.name}: {error.strerror or error}",
            hint="free 150 MB and make the model folder writable",
        ) from error
    return found


def convert(gguf: Path, into: Path) -> None:
    """Read a Llama GGUF with transformers and write the three derived files."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    state, config = model.state_dict(), model.config
    tensors = {"norm": state["model.norm.weight"], **quantise("embed", state["model.embed_tokens.weight"])}
    for i in range(config.num_hidden_layers):
        layer = f"model.layers.{i}."
        tensors[f"{i}.attention_norm"] = state[f"{layer}input_layernorm.weight"]
        tensors[f"{i}.mlp_norm"] = state[f"{layer}post_attention_layernorm.weight"]
        for short, name in LAYER.items():
            tensors |= quantise(f"{i}.{short}", state[f"{layer}{name}.weight"])
    shape = Shape(
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        num_key_value_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        rms_norm_eps=config.rms_norm_eps,
        rope_theta=config.rope_parameters["rope_theta"],
    )
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, into / "model.safetensors")
    (into / "shape.json").write_text(json.dumps(asdict(shape)))
    tokenizer.backend_tokenizer.save(str(into / "tokenizer.json"))


def quantise(name: str, weight: Any) -> dict[str, Any]:
    """Float (rows, columns) -> `name.weight` int8 and `name.scale` float32 (rows,): symmetric, one scale per row."""
    import torch

    scale = weight.abs().amax(1).clamp(min=1e-8) / 127
    return {f"{name}.weight": (weight / scale[:, None]).round().to(torch.int8), f"{name}.scale": scale.float()}


def read(folder: Path) -> tuple[dict[str, Any], Shape]:
    """Tensors by name and the sizes from a derived folder."""
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors"), Shape(**json.loads((folder / "shape.json").read_text()))

"""A Llama decoder for one job: many short continuations of one long text, on few CPU cores.

The shared text is the *trunk*; its keys and values are stored once. A *branch* is one candidate continuation; all
branches step together, each attending to the trunk (read once for all of them) and to its own tokens. The chosen
branch is grafted onto the trunk without computing it again.

Architecture after huggingface/transformers, `models/llama/modeling_llama.py` (RMSNorm, rotary embedding by halves,
grouped-query attention, SwiGLU). On a CPU a matrix is held as int8 with one scale per row and multiplied by fbgemm with
activations quantised on the fly: with 4 branches on one core some 5 times as fast as fp32.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Matrix = Callable[[Any], Any]
"""Maps activations (..., columns) to (..., rows)."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the network; the names are those of a Llama `config.json`."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float


def matrix(weight: Any, scale: Any, device: str) -> Matrix:
    """A linear map from an int8 weight (rows, columns) with one float32 scale per row; no bias."""
    import torch

    if device != "cpu":
        full = (weight.to(device).float() * scale.to(device)[:, None]).to(torch.float32)
        return lambda x: torch.nn.functional.linear(x, full)
    with warnings.catch_warnings():  # torch deprecates making such tensors by hand; the product itself stays
        warnings.simplefilter("ignore")
        zero = torch.zeros(len(weight), dtype=torch.long)
        packed = torch.ops.quantized.linear_prepack(
            torch._make_per_channel_quantized_tensor(weight, scale.double(), zero, 0), None
        )

    def multiply(x: Any) -> Any:
        # One scale per row of activations: fbgemm takes one for all, and the first token's outliers (hundreds of times
        # the rest) would leave the others with a few levels; perplexity of a prompt 15.6 with it, 45 without.
        peak = x.abs().amax(-1, keepdim=True).clamp_(min=1e-8)
        return torch.ops.quantized.linear_dynamic(x / peak, packed, True).mul_(peak)  # True: AVX2 needs 7-bit inputs

    return multiply


class Llama:
    """The network with its trunk and branches. Not for several threads at once."""

    def __init__(
        self, tensors: dict[str, Any], shape: Shape, *, trunk: int, branches: int, steps: int, device: str
    ) -> None:
        """`tensors` as `weights.read` gives them; room for `trunk` tokens and `branches` of `steps` tokens."""
        import torch

        self._shape, self._device = shape, device
        weights = {name: tensor.to(device) for name, tensor in tensors.items() if tensor.dtype == torch.float32}

        def linear(*names: str) -> Matrix:
            return matrix(
                torch.cat([tensors[f"{name}.weight"] for name in names]),
                torch.cat([tensors[f"{name}.scale"] for name in names]),
                device,
            )

        self._embedding = tensors["embed.weight"].to(device), weights["embed.scale"]
        self._head = linear("embed")
        self._norm = weights["norm"]
        self._layers = [
            (
                weights[f"{i}.attention_norm"],
                linear(f"{i}.q", f"{i}.k", f"{i}.v"),
                linear(f"{i}.o"),
                weights[f"{i}.mlp_norm"],
                linear(f"{i}.gate", f"{i}.up"),
                linear(f"{i}.down"),
            )
            for i in range(shape.num_hidden_layers)
        ]
        half = torch.arange(0, shape.head_dim, 2, device=device) / shape.head_dim
        angles = torch.outer(torch.arange(trunk + steps, device=device).float(), shape.rope_theta**-half)
        self._cos, self._sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
        kv, size = shape.num_key_value_heads, shape.head_dim
        self._trunk = torch.zeros(2, shape.num_hidden_layers, kv, trunk, size, device=device)
        self._branch = torch.zeros(2, shape.num_hidden_layers, branches, kv, steps, size, device=device)
        self.length = 0
        """Tokens in the trunk."""
        self.steps = 0
        """Tokens in each branch."""
        self.room = trunk
        self.branch_room = steps

    def extend(self, tokens: Sequence[int]) -> Any:
        """Append tokens to the trunk; gives the logits (vocabulary,) of what follows. Drops the branches."""
        return self._head(self._append(tokens)[-1:])[0]

    def extend_each(self, tokens: Sequence[int]) -> Any:
        """The same, but gives the logits (tokens, vocabulary) of what follows each of them."""
        return self._head(self._append(tokens))

    def _append(self, tokens: Sequence[int]) -> Any:
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        start, end = self.length, self.length + len(tokens)
        mask = torch.ones(len(tokens), end, dtype=torch.bool, device=self._device).tril(start)
        groups = self._shape.num_attention_heads // self._shape.num_key_value_heads

        def attend(layer: int, q: Any, k: Any, v: Any) -> Any:
            keys, values = self._trunk[0, layer], self._trunk[1, layer]
            keys[:, start:end], values[:, start:end] = k.transpose(0, 1), v.transpose(0, 1)
            mixed = scaled_dot_product_attention(
                q.transpose(0, 1),
                keys[:, :end].repeat_interleave(groups, 0),
                values[:, :end].repeat_interleave(groups, 0),
                attn_mask=mask,
            )
            return mixed.transpose(0, 1)

        hidden = self._run(tokens, slice(start, end), attend)
        self.length, self.steps = end, 0
        return hidden

    def step(self, tokens: Sequence[int]) -> Any:
        """Append one token to each branch; gives logits (branches, vocabulary)."""
        import torch

        length, step, branches = self.length, self.steps, len(tokens)
        kv, size = self._shape.num_key_value_heads, self._shape.head_dim

        def attend(layer: int, q: Any, k: Any, v: Any) -> Any:
            keys, values = self._branch[0, layer, :branches], self._branch[1, layer, :branches]
            keys[:, :, step], values[:, :, step] = k, v
            q = q.view(branches, kv, -1, size) * size**-0.5
            own = q @ keys[:, :, : step + 1].transpose(-1, -2)  # (branches, kv, group, step + 1)
            shared = q.transpose(0, 1).reshape(kv, -1, size) @ self._trunk[0, layer, :, :length].transpose(-1, -2)
            shared = shared.view(kv, branches, -1, length).transpose(0, 1)
            share = torch.cat((shared, own), -1).softmax(-1)
            left = share[..., :length].transpose(0, 1).reshape(kv, -1, length) @ self._trunk[1, layer, :, :length]
            left = left.view(kv, branches, -1, size).transpose(0, 1)
            return left + share[..., length:] @ values[:, :, : step + 1]

        hidden = self._run(tokens, slice(length + step, length + step + 1), attend)
        self.steps += 1
        return self._head(hidden)

    def graft(self, branch: int, steps: int) -> None:
        """Make the first `steps` tokens of a branch part of the trunk; drops the branches."""
        self._trunk[:, :, :, self.length : self.length + steps] = self._branch[:, :, branch, :, :steps]
        self.length, self.steps = self.length + steps, 0

    def cut(self, length: int) -> None:
        """Shorten the trunk to `length` tokens; drops the branches."""
        self.length, self.steps = length, 0

    def save(self) -> Any:
        """A copy of the trunk, to `restore` later without computing it again."""
        return self._trunk[:, :, :, : self.length].clone()

    def restore(self, saved: Any) -> None:
        """Make a saved trunk the trunk; drops the branches."""
        self.length, self.steps = saved.shape[3], 0
        self._trunk[:, :, :, : self.length] = saved

    def drop_branches(self) -> None:
        """Start new branches at the end of the trunk."""
        self.steps = 0

    def _run(self, tokens: Sequence[int], positions: slice, attend: Callable[[int, Any, Any, Any], Any]) -> Any:
        """All layers for tokens (n,) -> hidden (n, hidden); `attend(layer, q, k, v)` mixes (n, heads, head_dim)."""
        import torch
        from torch.nn.functional import rms_norm, silu

        shape, size = self._shape, self._shape.head_dim
        ids = torch.tensor(tokens, device=self._device)
        weight, scale = self._embedding
        x = weight[ids].float() * scale[ids, None]
        cos, sin = self._cos[positions, None], self._sin[positions, None]
        heads, kv = shape.num_attention_heads, shape.num_key_value_heads
        for layer, (attention_norm, qkv, o, mlp_norm, gate_up, down) in enumerate(self._layers):
            h = qkv(rms_norm(x, (shape.hidden_size,), attention_norm, shape.rms_norm_eps)).view(len(tokens), -1, size)
            turned = h[:, : heads + kv]
            first, second = turned.chunk(2, -1)
            turned = turned * cos + torch.cat((-second, first), -1) * sin
            mixed = attend(layer, turned[:, :heads], turned[:, heads:], h[:, heads + kv :])
            x = x + o(mixed.reshape(len(tokens), -1))
            gate, up = gate_up(rms_norm(x, (shape.hidden_size,), mlp_norm, shape.rms_norm_eps)).chunk(2, -1)
            x = x + down(silu(gate) * up)
        return rms_norm(x, (shape.hidden_size,), self._norm, shape.rms_norm_eps)

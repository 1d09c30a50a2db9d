"""Pictures and captions as the network takes them, made once: neither autoencoder nor text encoder runs in a step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spinbot.engines.image.buckets import Size, fitted, nearest
from spinbot.engines.image.tensors import tensor
from spinbot.engines.lora_trainer.base import Pixels
from spinbot.engines.lora_trainer.batches import Taken
from spinbot.engines.lora_trainer.denoisers.base import Conditions, Denoiser, standard_normal

Shown = tuple[Pixels, str]
"""A picture and the caption under which it is learned."""


@dataclass
class _Kept:
    """Latents of one picture as they are, and mirrored: mean and deviation, (1, c, h, w)."""

    plain: tuple[Any, Any]
    mirrored: tuple[Any, Any] | None
    caption: str


class Cached:
    """The pictures of a training in the memory of the CPU: 16 KB each at 512 x 512 pixels of Stable Diffusion."""

    def __init__(
        self,
        denoiser: Denoiser,
        shown: Iterable[Shown],
        buckets: list[Size],
        *,
        names: Sequence[str],
        flip: bool,
        device: str,
        after_each: Callable[[int], None],
    ) -> None:
        """`names` are captions that any of them may have; `after_each(number)` is called when that one is done."""
        import torch

        self._device = device
        self._names = names
        self._dtype = denoiser.network.dtype
        self._kept: list[_Kept] = []
        self._texts: dict[str, Conditions] = {}
        self.by_size: dict[Size, list[int]] = defaultdict(list)
        with torch.inference_mode():
            for number, (pixels, caption) in enumerate(shown):
                size = nearest(pixels.shape[1], pixels.shape[0], buckets)
                picture = tensor(fitted(pixels, size)[None]).to(denoiser.vae.device, denoiser.vae.dtype)
                mirrored = self._encoded(denoiser, picture.flip(3)) if flip else None
                self._kept.append(_Kept(self._encoded(denoiser, picture), mirrored, caption))
                self.by_size[size].append(number)
                after_each(number)
            for caption in {"", *names, *(kept.caption for kept in self._kept)}:
                self._texts[caption] = denoiser.embed(caption)
        # Made under inference mode, they could not take part in what autograd follows.
        self._texts = {text: {k: v.clone() for k, v in parts.items()} for text, parts in self._texts.items()}

    def batch(self, taken: Sequence[Taken], chance: Any) -> tuple[Any, Conditions]:
        """Latents drawn from their distributions, (n, c, h, w), and conditions, (n, ...)."""
        import torch

        latents, texts = [], []
        for one in taken:
            kept = self._kept[one.number]
            mean, deviation = kept.mirrored if one.flipped and kept.mirrored is not None else kept.plain
            latents.append(mean + deviation * standard_normal(mean, chance))
            name = self._names[one.lot % len(self._names)] if self._names else ""
            texts.append(self._texts[{"own": kept.caption, "name": name, "none": ""}[one.caption]])
        conditions = {name: self._there(torch.cat([text[name] for text in texts])) for name in texts[0]}
        return self._there(torch.cat(latents)), conditions

    def _there(self, numbers: Any) -> Any:
        return numbers.to(self._device, self._dtype)

    @staticmethod
    def _encoded(denoiser: Denoiser, picture: Any) -> tuple[Any, Any]:
        mean, deviation = denoiser.encode(picture)
        return mean.float().cpu().clone(), deviation.float().cpu().clone()

"""Real-ESRGAN on the CPU by ncnn: the compact network made for drawings and video, quick enough for a still.

The network is `realesr-animevideov3` (SRVGGNetCompact, 18 convolutions of 3x3) of xinntao/Real-ESRGAN, described in
Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data" (2021); blobs `data`
and `output` are RGB in 0..1. All three sizes compute fourfold; x2 and x3 end in a bicubic reduction.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Progress
from spinbot.engines.upscale.base import UpscaleEngine
from spinbot.errors import ModelError

TILE = 192
"""Side of a tile, in pixels of the small picture: some 100 MB of working memory."""
OVERLAP = 20
"""Pixels a tile sees beyond its edge: 18 convolutions reach 18 far and the bicubic reduction 2, so no seam shows."""


class RealEsrganEngine(UpscaleEngine):
    """Enlarges two-, three- or fourfold. Edges come out crisp, skin smooth."""

    name: ClassVar[str] = "realesrgan"
    requires: ClassVar[tuple[str, ...]] = ("realesrgan-animevideov3",)
    scales: ClassVar[tuple[int, ...]] = (2, 3, 4)

    _networks: dict[int, Any]

    def load(self, progress: Progress) -> None:
        """Read the networks of all scales (1.2 MB each). Raises `ModelError`."""
        import ncnn

        folder = self.models(self.requires[0])
        networks = {}
        for index, scale in enumerate(self.scales):
            progress(index / len(self.scales), f"loading {self.requires[0]} x{scale}")
            network = ncnn.Net()
            network.opt.num_threads = self.threads
            network.opt.use_vulkan_compute = False
            param, weights = folder / f"x{scale}.param", folder / f"x{scale}.bin"
            if network.load_param(str(param)) or network.load_model(str(weights)):
                raise ModelError(
                    f"{param.name} or {weights.name} in {folder} cannot be read",
                    hint=f"install {self.requires[0]} again",
                    code="model_damaged",
                )
            networks[scale] = network
        self._networks = networks
        progress(1.0, f"loaded {self.requires[0]}")

    def unload(self) -> None:
        """Drop the networks."""
        self._networks = {}

    def upscale(self, image: npt.NDArray[np.uint8], scale: int, progress: Progress) -> npt.NDArray[np.uint8]:
        """An RGB picture (h, w, 3) becomes (h*scale, w*scale, 3), tile by tile. `scale` is one of `scales`."""
        height, width = image.shape[:2]
        large = np.empty((height * scale, width * scale, 3), np.uint8)
        corners = [(top, left) for top in range(0, height, TILE) for left in range(0, width, TILE)]
        for index, (top, left) in enumerate(corners):
            progress(index / len(corners), f"enlarging tile {index + 1} of {len(corners)}")
            bottom, right = min(top + TILE, height), min(left + TILE, width)
            above, before = max(top - OVERLAP, 0), max(left - OVERLAP, 0)
            tile = self._run(image[above : bottom + OVERLAP, before : right + OVERLAP], scale)
            large[top * scale : bottom * scale, left * scale : right * scale] = tile[
                (top - above) * scale : (bottom - above) * scale, (left - before) * scale : (right - before) * scale
            ]
        progress(1.0, "enlarged")
        return large

    def _run(self, tile: npt.NDArray[np.uint8], scale: int) -> npt.NDArray[np.uint8]:
        import ncnn

        planes = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32) / 255
        with self._networks[scale].create_extractor() as extractor:
            # A Mat borrows the array's memory: without a copy of its own it may read what has been freed.
            extractor.input("data", ncnn.Mat(planes).clone())
            failed, result = extractor.extract("output")
        assert failed == 0, "ncnn: the network has no blob `output`"
        pixels: npt.NDArray[np.float32] = np.array(result).transpose(1, 2, 0) * 255
        return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)

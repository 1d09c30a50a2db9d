"""The engine `ge2e`: the speaker encoder of Resemblyzer.

Generalised end-to-end loss, Wan et al. 2018, arXiv 1710.10467: three LSTM layers over mel spectra of 1.6 s, the last
state of the last layer projected to 256 numbers that are not negative. Sizes and features are those of the published
weights (github.com/resemble-ai/Resemblyzer, hparams.py and audio.py); the mel filters are Slaney's, as librosa's
documentation gives them.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Progress
from spinbot.engines.speaker.base import SpeakerEncoder, Vector
from spinbot.errors import InputError
from spinbot.media.audio import resample

RATE = 16_000
WINDOW_S, HOP_S = 0.025, 0.01
MELS = 40
FRAMES = 160
"""Of one part: 1.6 s."""
EVERY = 80
"""Frames between the beginnings of two parts."""
WIDTH = 256
LOUDNESS_DB = -30.0
"""Quieter sound is raised to this, relative to full scale."""
QUIET = 0.1
"""Of the median power of a recording's louder half: frames below it are pauses, and left out."""


class Ge2eEncoder(SpeakerEncoder):
    """Tells voices apart."""

    name: ClassVar[str] = "ge2e"
    requires: ClassVar[tuple[str, ...]] = ("resemblyzer-ge2e",)

    def load(self, progress: Progress) -> None:
        """See `Engine.load`."""
        import torch

        torch.set_num_threads(self.threads)
        self.network = network(self.models(self.requires[0]) / "pretrained.pt")

    def unload(self) -> None:
        """See `Engine.unload`."""
        del self.network

    def embed(self, samples: npt.NDArray[np.float32], rate: int) -> Vector:
        """See `SpeakerEncoder.embed`. Raises `InputError` (`no_speech`) for silence."""
        import torch

        sound = spoken(samples if rate == RATE else resample(samples, rate, RATE))
        with torch.inference_mode():
            found: Vector = embedding(self.network, mel(torch.from_numpy(sound), RATE)).numpy()
        return found


def network(file: Any) -> Any:
    """The encoder with its weights; only tensors are read from the file, whatever else is in it."""
    import torch

    layers = torch.nn.ModuleDict(
        {"lstm": torch.nn.LSTM(MELS, WIDTH, 3, batch_first=True), "linear": torch.nn.Linear(WIDTH, WIDTH)}
    )
    state = torch.load(file, map_location="cpu", weights_only=True)["model_state"]
    layers.load_state_dict({name: value for name, value in state.items() if name.split(".")[0] in layers})
    return layers.eval().requires_grad_(False)


def spoken(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Sound at `RATE` without its pauses. Raises `InputError` (`no_speech`)."""
    hop = round(HOP_S * RATE)
    count = len(samples) // hop
    power = np.square(samples[: count * hop].reshape(count, hop)).mean(1) if count else np.zeros(0)
    loud = power > QUIET * np.median(np.sort(power)[count // 2 :]) if count and power.max() > 1e-8 else power > 1
    # Consonants beside a vowel are quiet, and belong to it.
    near = np.convolve(loud, np.ones(9), "same") > 0 if count else loud
    kept = samples[: count * hop][np.repeat(near, hop)]
    if len(kept) < RATE // 4:
        raise InputError(
            "there is no speech in it", hint="give a recording in which the person speaks", code="no_speech"
        )
    return np.ascontiguousarray(kept, np.float32)


def mel(sound: Any, rate: int) -> Any:
    """Mel spectra of a tensor (samples,) at 16, 24 or 48 kHz: (frames, 40). Gradients pass.

    No resampling is needed: windows of the same length in seconds have bins at the same frequencies.
    """
    import torch

    sound = sound * _gain(sound)
    size, hop = round(WINDOW_S * rate), round(HOP_S * rate)
    padded = torch.nn.functional.pad(sound, (size // 2, size // 2))
    frames = padded.unfold(0, size, hop) * torch.hann_window(size, dtype=sound.dtype)
    bins = RATE // round(1 / WINDOW_S) // 2 + 1
    power = torch.fft.rfft(frames)[:, :bins].abs().square() * (RATE / rate) ** 2
    return power @ torch.from_numpy(filters(bins)).T


def embedding(layers: Any, spectra: Any) -> Any:
    """Mean vector of all parts of mel spectra (frames, 40), of length one: (256,). Gradients pass."""
    import torch

    if len(spectra) < FRAMES:
        spectra = torch.nn.functional.pad(spectra, (0, 0, 0, FRAMES - len(spectra)))
    starts = range(0, len(spectra) - FRAMES + 1, EVERY)
    parts = torch.stack([spectra[start : start + FRAMES] for start in starts])
    _, (hidden, _) = layers["lstm"](parts)
    found = torch.nn.functional.normalize(layers["linear"](hidden[-1]).relu(), dim=1).mean(0)
    return torch.nn.functional.normalize(found, dim=0)


def _gain(sound: Any) -> float:
    power = float(sound.detach().square().mean())
    if power <= 0:
        return 1.0
    return max(1.0, 10 ** ((LOUDNESS_DB - 10 * math.log10(power)) / 20))


def filters(bins: int) -> npt.NDArray[np.float32]:
    """Slaney's mel filters for bins of 40 Hz: (40, bins); linear to 1 kHz, logarithmic above, of equal area."""
    step, bend = 200 / 3, 1000.0
    log_step = math.log(6.4) / 27

    def hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        above = mels >= bend / step
        return np.where(above, bend * np.exp(log_step * (mels - bend / step)), step * mels)

    highest = bend / step + math.log(RATE / 2 / bend) / log_step
    edges = hertz(np.linspace(0, highest, MELS + 2))
    frequencies = np.linspace(0, RATE / 2, bins)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    heights = 2 / (edges[2:] - edges[:-2])
    return (np.clip(np.minimum(rising, falling), 0, None) * heights[:, None]).astype(np.float32)

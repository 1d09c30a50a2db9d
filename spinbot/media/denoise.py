"""Less of the steady noise under a recording: hiss, hum, a fan.

By ffmpeg's `afftdn`, a spectral subtraction; it is told how loud the noise of this recording is in each of its bands,
measured where nobody speaks. Left to its default, white noise, it takes 0.1 dB of a fan's hum in place of 6.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spinbot.media import ffmpeg
from spinbot.media.audio import Samples

FRAME_S = 0.03
REDUCTION_DB = 12.0
"""The most that is taken away: with more, voices begin to sound hollow."""
QUIETEST, QUIET, LOUD = 0.02, 0.1, 0.95
"""Quantiles of the frames' levels: nobody speaks below the second, if there is noise."""
STEADY_DB = 3.0
"""Between the first two quantiles. Where noise is heard in the pauses they differ by 1 to 2 dB, in clean speech without
pauses by 6 to 20: there the quietest frames are speech, too."""
AUDIBLE_DB = 40.0
"""Speech over noise: beyond it there is nothing to take away."""
ABOVE_QUIET_DB = 1.0
"""By which noise is louder on average than in its own quiet frames."""
BANDS = 15
"""Of `afftdn`, from 80 Hz, each centre 1.5 times the one before it and 5 Hz."""
STEEPEST_DB = 24.0
"""A band of the filter's profile is not farther from the mean."""


def denoise(samples: Samples, rate: int) -> Samples:
    """The same speech with up to `REDUCTION_DB` less noise, as long and not delayed; as it is where none is heard."""
    found = _noise(samples, rate)
    if found is None:
        return samples
    floor, profile = found
    bands = " ".join(f"{level:.1f}" for level in profile)
    noise = f"afftdn=nr={REDUCTION_DB:.0f}:nf={floor:.1f}:nt=custom:bn='{bands}'"
    # The filter's output is late by its window, two hops of an eightieth of a second.
    late = 2 * (rate // 80)
    kind = ["-f", "f32le", "-ar", str(rate), "-ac", "1"]
    output = ffmpeg.run(
        ["-v", "error", *kind, "-i", "pipe:0", "-af", noise, *kind, "pipe:1"],
        what="take noise from the sound",
        input=np.concatenate([samples, np.zeros(late, np.float32)]).astype("<f4").tobytes(),
    )
    return np.frombuffer(output.data, "<f4")[late:].astype(np.float32)


def _noise(samples: Samples, rate: int) -> tuple[float, list[float]] | None:
    """Level of the noise in dB of full scale, and of each band relative to white noise of that level."""
    frame = round(FRAME_S * rate)
    count = len(samples) // frame
    if count < 1 / QUIETEST:
        return None
    frames = samples[: count * frame].reshape(count, frame)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frame
    levels = 10 * np.log10(np.maximum(power, 1e-12))
    quietest, quiet, loud = np.quantile(levels, (QUIETEST, QUIET, LOUD))
    if quiet - quietest > STEADY_DB or loud - quiet > AUDIBLE_DB:
        return None
    pauses = frames[levels <= quiet].astype(np.float64)
    spectrum = np.square(np.abs(np.fft.rfft(pauses * np.hanning(frame), axis=1))).mean(0)
    floor = 10 * np.log10(max(float(np.square(pauses).mean()), 1e-12)) + ABOVE_QUIET_DB
    # The filter knows no floor outside of these.
    return float(np.clip(floor, -80, -20)), _bands(spectrum, rate)


def _bands(spectrum: npt.NDArray[np.float64], rate: int) -> list[float]:
    hertz = np.linspace(0, rate / 2, len(spectrum))
    mean, profile, centre = spectrum[1:].mean(), list[float](), 80.0
    for _ in range(BANDS):
        inside = (hertz >= centre / 1.5**0.5) & (hertz < centre * 1.5**0.5)
        # The lowest bands are narrower than a bin, the highest may lie beyond the spectrum.
        level = spectrum[inside].mean() if inside.any() else spectrum[np.abs(hertz - centre).argmin()]
        profile.append(float(np.clip(10 * np.log10(max(level, 1e-20) / mean), -STEEPEST_DB, STEEPEST_DB)))
        centre = round(1.5 * centre + 5)
    return profile

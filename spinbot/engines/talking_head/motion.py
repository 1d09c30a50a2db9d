"""What moves besides the mouth: blinks, the sway of the head, nods and brows. Seeded; knows nothing of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spinbot.engines.talking_head.base import Performance
from spinbot.engines.talking_head.energy import envelope

Floats = npt.NDArray[np.floating]

BLINK = ((0.0, 0.0), (0.08, 1.0), (0.12, 1.0), (0.18, 0.45), (0.26, 0.0))
"""Seconds and closure of a blink: lids fall twice as fast as they rise."""
INTERVAL = (2.0, 5.0)
"""Seconds between blinks, uniformly drawn; people talking blink every 2 to 6 s."""
FIRST = (0.2, 3.0)
"""Seconds before the first blink, uniformly drawn as far as the clip is long enough."""
ALWAYS = 2.5
"""Seconds of a clip that is never without a blink."""
SETTLE = 0.5
"""Seconds over which the head leaves and regains its pose, so that clips join without a jump."""


@dataclass(frozen=True)
class Motion:
    """One value a frame, each of shape (frames,)."""

    blink: Floats
    """0 open, 1 closed."""
    yaw: Floats
    pitch: Floats
    roll: Floats
    """Degrees: to the viewer's right, down and clockwise are positive."""
    shift: Floats
    """(frames, 2), in face heights."""
    brows: Floats
    """Rise, in face heights."""


def motion_of(performance: Performance) -> Motion:
    """Draw the motion of a performance from its seed, and nods and brows from its sound."""
    frames, fps = performance.frames, performance.fps
    random = np.random.default_rng(performance.seed)
    blink = blinks(random, frames, fps) if performance.blinks else np.zeros(frames, np.float32)
    drift = [wander(random, frames, fps, hertz) for hertz in (0.22, 0.25, 0.18, 0.2, 0.3)]
    time = np.arange(frames) / fps
    settle = np.clip(np.minimum(time, time[-1] - time) / SETTLE, 0, 1)
    weight = (performance.sway * settle * settle * (3 - 2 * settle)).astype(np.float32)
    loud = envelope(performance.samples, performance.sample_rate, fps, frames)
    stress = _blur(loud, 0.14 * fps) - _blur(loud, 0.6 * fps)
    return Motion(
        blink=blink,
        yaw=weight * 3.2 * drift[0],
        pitch=weight * (1.6 * drift[1] + 4.0 * stress),
        roll=weight * 1.5 * drift[2],
        shift=weight[:, None] * np.stack([0.012 * drift[3], 0.008 * drift[4]], axis=1),
        brows=weight * 0.03 * np.clip(stress, 0, 0.5),
    )


def blinks(random: np.random.Generator, frames: int, fps: int) -> Floats:
    """Closure of the lids, (frames,). The eyes are open at both ends, and clips in a row blink at human intervals.

    The first blink begins at any time within `FIRST`. A clip shorter than `ALWAYS` has one with a chance in proportion
    to its length, so that many short ones blink about as often as one long one.
    """
    closure = np.zeros(frames, np.float32)
    time = np.arange(frames) / fps
    seconds, values = zip(*BLINK, strict=True)
    latest = (frames - 1) / fps - BLINK[-1][0]
    if latest < FIRST[0] or random.uniform() > frames / fps / ALWAYS:
        return closure
    start = random.uniform(FIRST[0], min(FIRST[1], latest))
    while start <= latest:
        closure = np.maximum(closure, np.interp(time - start, seconds, values, left=0, right=0))
        start += random.uniform(*INTERVAL)
    return closure.astype(np.float32)


def wander(random: np.random.Generator, frames: int, fps: int, hertz: float) -> Floats:
    """Smooth noise around 0, mostly within -1..1: three sines of drifting pitch, (frames,)."""
    time = np.arange(frames) / fps
    phases = random.uniform(0, 2 * np.pi, 3)
    rates = hertz * np.array([1.0, 1.7, 2.9]) * random.uniform(0.85, 1.15, 3)
    waves = np.sin(2 * np.pi * time[:, None] * rates + phases)
    return np.asarray(waves @ np.array([0.6, 0.3, 0.15]), np.float32)


def _blur(values: Floats, deviation: float) -> Floats:
    """Gaussian blur along time, deviation in frames."""
    reach = int(3 * deviation) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid").astype(np.float32)

"""A recording cut at its pauses into clips, and how good each of them is: level, noise, clipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spinbot.media.audio import Samples

FRAME_S, HOP_S = 0.03, 0.01
PAUSE_S = 0.25
"""Between words of one phrase it is shorter."""
SHORT_S, LONG_S = 3.0, 11.0
"""Phrases are joined up to the first and cut at their quietest place beyond the second: what TTS models learn from."""
EDGE_S = 0.1
"""Of the pause that stays on each side: a clip that begins in the middle of a sound clicks."""
OVER_FLOOR_DB = 9.0
BELOW_SPEECH_DB = 35.0
"""Speech is louder than the pauses by the first and not quieter than its loud parts by the second."""
SILENT_DB = -60.0
"""Of full scale: nothing that was meant to be heard."""
FULL = 0.985
"""A sample beyond it was cut off by the recorder, if its neighbours were, too."""


@dataclass(frozen=True)
class Clip:
    """A part of a recording. Times in seconds from its beginning."""

    start: float
    end: float
    snr_db: float
    """Level of what is said over that of the pauses of the whole recording."""
    clipped: float
    """Share of its samples that lie flat at full scale."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


def cut(samples: Samples, rate: int) -> list[Clip]:
    """Clips with what is said in a recording; none where it is silent."""
    levels = _levels(samples, rate)
    if not len(levels) or levels.max() < SILENT_DB:
        return []
    floor, loud = np.quantile(levels, 0.1), np.quantile(levels, 0.95)
    # Where nobody pauses the quietest tenth is speech, too: then the second rule alone decides.
    said = levels > max(min(floor + OVER_FLOOR_DB, loud - OVER_FLOOR_DB), loud - BELOW_SPEECH_DB, SILENT_DB)
    pauses = levels[~said]
    noise = float(np.mean(10 ** (pauses / 10))) if len(pauses) else 10 ** (SILENT_DB / 10)
    length = len(samples) / rate
    clips = []
    for first, last in _parted(_joined(_phrases(said)), levels):
        voice = 10 ** (levels[first:last][said[first:last]] / 10)
        start, end = max(0.0, first * HOP_S - EDGE_S), min(length, last * HOP_S + FRAME_S + EDGE_S)
        flat = _flat(samples[round(start * rate) : round(end * rate)])
        clips.append(Clip(start, end, float(10 * np.log10(max(voice.mean(), 1e-12) / max(noise, 1e-12))), flat))
    return clips


def whole(samples: Samples, rate: int) -> Clip | None:
    """A recording as one clip, without the silence around it; None where it is silent."""
    clips = cut(samples, rate)
    if not clips:
        return None
    start, end = clips[0].start, clips[-1].end
    snr = min(clip.snr_db for clip in clips)
    return Clip(start, end, snr, _flat(samples[round(start * rate) : round(end * rate)]))


def _levels(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """Root mean square of each frame in dB of full scale."""
    frame, hop = round(FRAME_S * rate), round(HOP_S * rate)
    if len(samples) < frame:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, frame)[::hop]
    # Three frames overlap: squared before they are summed, half an hour at 48 kHz would take 4 GB.
    power: npt.NDArray[np.float64] = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / frame
    return 10 * np.log10(np.maximum(power, 1e-12))


def _phrases(said: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Frames from first to last of each stretch without a pause."""
    where = np.flatnonzero(said)
    if not len(where):
        return []
    breaks = np.flatnonzero(np.diff(where) > PAUSE_S / HOP_S)
    starts, ends = where[[0, *(breaks + 1)]], where[[*breaks, len(where) - 1]]
    return [(int(start), int(end) + 1) for start, end in zip(starts, ends, strict=True)]


def _joined(phrases: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Short phrases with the one behind them, while both together are no long clip and the pause is no long one."""
    joined: list[tuple[int, int]] = []
    for first, last in phrases:
        if joined:
            start, end = joined[-1]
            short = min(end - start, last - first) < SHORT_S / HOP_S
            if short and (last - start) < LONG_S / HOP_S and (first - end) < 1 / HOP_S:
                joined[-1] = (start, last)
                continue
        joined.append((first, last))
    return joined


def _parted(clips: list[tuple[int, int]], levels: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Long clips in two at the quietest place of their middle half, and so on."""
    parts: list[tuple[int, int]] = []
    todo = list(reversed(clips))
    while todo:
        first, last = todo.pop()
        if last - first <= LONG_S / HOP_S:
            parts.append((first, last))
            continue
        quarter = (last - first) // 4
        middle = first + quarter + int(np.argmin(levels[first + quarter : last - quarter]))
        todo += [(middle, last), (first, middle)]
    return parts


def _flat(samples: Samples) -> float:
    high = np.abs(samples) >= FULL
    runs = high[:-2] & high[1:-1] & high[2:]
    return float(runs.mean()) if len(runs) else 0.0

"""How good a talking video is, in numbers: lips against sound, blinks, a still background, sound in time.

Pure functions on arrays. Who finds the mesh, reads the frames or listens to the words is not known here.
Point numbers are those of the MediaPipe face mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

FOREHEAD, CHIN = 10, 152
UPPER_LIP, LOWER_LIP = 13, 14
EYES = ((33, 160, 158, 133, 153, 144), (263, 387, 385, 362, 380, 373))
"""Of each eye: outer corner, two of the upper lid, inner corner, two of the lower lid."""
FURTHEST_LAG = 0.2
"""Seconds: lips further off than this are not in time at all."""
EQUAL_DB = 100.0
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class LipSync:
    """How well the mouth follows the sound."""

    correlation: float
    """Pearson's, in -1..1, at the best lag."""
    lag_ms: float
    """Milliseconds; positive where the mouth comes after the sound."""


def lipsync(openings: npt.NDArray[np.floating], envelope: npt.NDArray[np.floating], fps: float) -> LipSync:
    """Compare the mouth's opening with the loudness of the sound, both of shape (n,), one value per frame.

    Every lag of whole frames within `FURTHEST_LAG` is tried and the best one reported. A mouth or a sound that never
    changes has a correlation of 0. Raises `ValueError` where the shapes differ or there is less than a second.
    """
    if openings.shape != envelope.shape or openings.ndim != 1:
        raise ValueError(f"one opening and one loudness per frame are needed, not {openings.shape}, {envelope.shape}")
    if len(openings) < fps:
        raise ValueError(f"at least one second ({fps:g} frames) is needed, not {len(openings)} frames")
    reach = round(FURTHEST_LAG * fps)
    best = LipSync(-1.0, 0.0)
    for lag in sorted(range(-reach, reach + 1), key=abs):
        mouth = openings[max(lag, 0) : len(openings) + min(lag, 0)]
        sound = envelope[max(-lag, 0) : len(envelope) - max(lag, 0)]
        correlation = _pearson(mouth, sound)
        if correlation > best.correlation:
            best = LipSync(correlation, 1000 * lag / fps)
    return best


def _pearson(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / scale if scale > 1e-12 else 0.0


def envelope(
    samples: npt.NDArray[np.float32], sample_rate: int, fps: float, *, smoothing: int = 3
) -> npt.NDArray[np.float64]:
    """Loudness of a sound (n,) per video frame: RMS of the samples of each frame, averaged over `smoothing` frames.

    The last frame may be a part of one, so there are ceil(n * fps / sample_rate) values, at least one.
    """
    count = max(1, int(np.ceil(len(samples) * fps / sample_rate - 1e-9)))
    edges = np.minimum(np.rint(np.arange(count + 1) * sample_rate / fps).astype(int), len(samples))
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])[edges]
    rms = np.sqrt(np.maximum(np.diff(total), 0) / np.maximum(np.diff(edges), 1))
    kernel = np.ones(smoothing)
    return np.convolve(rms, kernel, "same")[:count] / np.convolve(np.ones(count), kernel, "same")[:count]


def mouth_opening(points: npt.NDArray[np.float32]) -> float:
    """Gap between the inner lips over the height of the face, of a mesh (468, 3): 0 closed, about 0.1 for an "ah"."""
    return _distance(points, UPPER_LIP, LOWER_LIP) / _distance(points, FOREHEAD, CHIN)


def eye_openness(points: npt.NDArray[np.float32]) -> float:
    """Eye aspect ratio of a mesh (468, 3), mean of both eyes: about 0.3 open, below 0.15 shut.

    Soukupova and Cech, "Real-Time Eye Blink Detection using Facial Landmarks" (2016), equation 1.
    """
    ratios = [
        (_distance(points, upper1, lower1) + _distance(points, upper2, lower2)) / (2 * _distance(points, outer, inner))
        for outer, upper1, upper2, inner, lower2, lower1 in EYES
    ]
    return float(np.mean(ratios))


def _distance(points: npt.NDArray[np.float32], a: int, b: int) -> float:
    return float(np.hypot(*(points[a, :2] - points[b, :2])))  # the mesh's depth is too coarse to be of help


def count_blinks(openness: npt.NDArray[np.floating], fps: float) -> int:
    """Blinks in a row of eye openness (n,): short dips that stand out from the noise.

    The open eye is the median, as eyes are open most of the time. A dip is 12 % deep (a mesh follows shut lids of a
    photo only part of the way: 0.33 becomes 0.25) and 5 standard deviations of the noise, which the median absolute
    deviation gives; it ends half way up, within 0.7 s. Eyes that stay shut do not blink.
    """
    if len(openness) == 0:
        return 0
    usual = float(np.median(openness))
    noise = 1.4826 * float(np.median(np.abs(openness - usual)))
    depth = max(0.12 * usual, 5 * noise)
    blinks, began = 0, None
    for frame, value in enumerate(openness):
        if value < usual - depth and began is None:
            began = frame
        elif value > usual - depth / 2 and began is not None:
            blinks += (frame - began) <= 0.7 * fps
            began = None
    return blinks


def psnr(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB of the luma (BT.709) of two pictures (h, w, 3), where `mask` (h, w) holds.

    Luma, as is usual for video (PSNR-Y): its files store colour at half the size, which alone costs a photo all but
    38 dB in RGB. Equal pictures give `EQUAL_DB`, not infinity, which JSON cannot say. Raises `ValueError` where
    nothing is left to compare.
    """
    difference = (a.astype(np.float32) - b.astype(np.float32)) @ LUMA
    kept = difference if mask is None else difference[mask]
    if not kept.size:
        raise ValueError("the mask leaves no pixel to compare")
    error = float(np.mean(np.square(kept), dtype=np.float64))
    return min(EQUAL_DB, float(10 * np.log10(255**2 / error))) if error else EQUAL_DB


def away_from_face(points: npt.NDArray[np.float32], shape: tuple[int, ...], margin: float) -> npt.NDArray[np.bool_]:
    """Where the background is: True for pixels of a picture (h, w, ...) more than `margin` pixels off the mesh."""
    hull = cv2.convexHull(points[:, :2].astype(np.float32)).round().astype(np.int32)
    outside = np.full(shape[:2], 255, np.uint8)
    cv2.fillConvexPoly(outside, hull, 0)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > margin)


class Bar(NamedTuple):
    """What a figure has to reach."""

    field: str
    title: str
    text: str
    """How the figure is shown, a format of `str.format`."""
    least: float = float("-inf")
    most: float = float("inf")

    @property
    def words(self) -> str:
        """The bar in words."""
        low, high = self.text.format(self.least), self.text.format(self.most)
        if self.least == -self.most:
            return f"within +-{high}"
        return f"at most {high}" if self.least == float("-inf") else f"at least {low}"


BARS = (
    Bar("lipsync_correlation", "lip sync, correlation", "{:.2f}", least=0.7),
    Bar("lipsync_lag_ms", "lip sync, lag", "{:.0f} ms", least=-80, most=80),
    Bar("audio_video_drift_ms", "sound against picture", "{:.0f} ms", least=-40, most=40),
    Bar("word_error_rate", "words understood wrongly", "{:.1%}", most=0.05),
)


class Scores(BaseModel):
    """The figures of one video; None where one was not measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    lipsync_correlation: float | None = Field(default=None, description="Mouth against loudness, -1..1")
    lipsync_lag_ms: float | None = Field(default=None, description="Positive: the mouth comes after the sound")
    blinks: int | None = Field(default=None, ge=0)
    blink_rate_per_minute: float | None = Field(default=None, ge=0, description="People at rest: 10 to 20")
    background_psnr_db: float | None = Field(default=None, description="Away from the face, against the first frame")
    audio_video_drift_ms: float | None = Field(default=None, description="Positive: the sound is longer")
    loudness_lufs: float | None = Field(default=None, description="Integrated, ITU-R BS.1770")
    word_error_rate: float | None = Field(default=None, ge=0, description="Of the transcript, 0.05 is 5 %")

    @property
    def passed(self) -> bool:
        """Whether every figure that was measured reaches its bar."""
        return all(self._reaches(bar) for bar in BARS if getattr(self, bar.field) is not None)

    def summary(self) -> list[str]:
        """One line per figure that was measured: the verdict where there is a bar, the figure and the bar."""
        lines = [
            f"{'pass' if self._reaches(bar) else 'FAIL'}  {bar.title}: "
            f"{bar.text.format(getattr(self, bar.field))} ({bar.words})"
            for bar in BARS
            if getattr(self, bar.field) is not None
        ]
        if self.background_psnr_db is not None:
            still = "at least 40 where the head holds still and nothing is burnt in"
            lines.append(f"      background: {self.background_psnr_db:.1f} dB ({still})")
        if self.blinks is not None:
            rate = "" if self.blink_rate_per_minute is None else f" ({self.blink_rate_per_minute:.0f} a minute)"
            lines.append(f"      blinks: {self.blinks}{rate}")
        if self.loudness_lufs is not None:
            lines.append(f"      loudness: {self.loudness_lufs:.1f} LUFS")
        return lines

    def _reaches(self, bar: Bar) -> bool:
        return bool(bar.least <= getattr(self, bar.field) <= bar.most)

"""Figures of a talking video, on sounds and meshes whose right answer is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spinbot.engines.base import no_progress
from spinbot.engines.face.mediapipe import MediapipeFaceEngine
from spinbot.media import portraits
from spinbot.media.images import read_portrait
from spinbot.media.score import (
    Scores,
    away_from_face,
    count_blinks,
    envelope,
    eye_openness,
    lipsync,
    mouth_opening,
    psnr,
)

FPS = 25


def syllables(seconds: float, rate: int = 16000) -> np.ndarray:
    """Bursts of noise with the rhythm of speech, the same every time."""
    random = np.random.default_rng(1)
    loud = np.repeat(random.random(int(seconds * 8)) ** 2, rate // 8)
    return (loud * random.uniform(-0.5, 0.5, len(loud))).astype(np.float32)


@pytest.mark.parametrize("late", [-4, -1, 0, 2, 5])
def test_the_lag_of_the_lips_is_found(late: int):
    loud = envelope(syllables(8), 16000, FPS)
    match = lipsync(np.roll(loud, late), loud, FPS)
    assert match.lag_ms == late * 1000 / FPS
    assert match.correlation > 0.99


def test_a_mouth_that_does_as_it_likes_does_not_correlate():
    loud = envelope(syllables(12), 16000, FPS)
    assert lipsync(np.random.default_rng(0).random(len(loud)), loud, FPS).correlation < 0.4
    assert lipsync(np.zeros(len(loud)), loud, FPS).correlation == 0


def test_lips_of_another_length_than_the_sound_are_refused():
    with pytest.raises(ValueError, match="per frame"):
        lipsync(np.zeros(50), np.zeros(51), FPS)
    with pytest.raises(ValueError, match="one second"):
        lipsync(np.zeros(20), np.zeros(20), FPS)


@pytest.mark.parametrize(("rate", "fps"), [(16000, 25), (22050, 25), (24000, 30), (44100, 29.97)])
def test_the_envelope_has_one_value_a_frame_and_is_the_rms(rate: int, fps: float):
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)).astype(np.float32)
    loud = envelope(tone, rate, fps)
    assert len(loud) == int(np.ceil(2 * fps))
    assert np.abs(loud - 0.5 / np.sqrt(2)).max() < 0.02
    loud = envelope(np.concatenate([np.zeros(rate, np.float32), tone]), rate, fps)
    assert loud[: int(fps) - 2].max() < 1e-6
    assert loud[int(fps) + 2 :].min() > 0.3


def test_blinks_are_counted_and_squints_are_not():
    openness = np.full(10 * FPS, 0.3) + np.random.default_rng(0).normal(0, 0.01, 10 * FPS)
    for start, length in ((20, 4), (90, 3), (200, 6)):
        openness[start : start + length] = 0.1
    openness[120:170] = 0.22  # a smile narrows the eyes
    assert count_blinks(openness, FPS) == 3
    openness[225:] = 0.1  # shut to the end: no blink
    assert count_blinks(openness, FPS) == 3
    assert count_blinks(np.array([]), FPS) == 0


def test_psnr_is_that_of_the_definition():
    a = np.full((10, 10, 3), 100, np.uint8)
    b = a + np.uint8(5)
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / 25))
    assert psnr(a, a) == 100
    mask = np.zeros((10, 10), bool)
    mask[:5] = True
    b[:5] = a[:5]
    assert psnr(a, b, mask) == 100
    assert psnr(a, b, ~mask) == pytest.approx(34.15, abs=0.01)
    with pytest.raises(ValueError, match="no pixel"):
        psnr(a, b, np.zeros((10, 10), bool))


@pytest.mark.models
def test_a_real_mesh_gives_a_closed_mouth_open_eyes_and_the_background(models: Callable[[str], Path]):
    image = read_portrait(portraits.path("demo")).pixels
    engine = MediapipeFaceEngine(models)
    engine.load(no_progress)
    points = engine.mesh(image, engine.detect(image)[0]).points
    assert mouth_opening(points) < 0.02
    assert 0.25 < eye_openness(points) < 0.45
    opened = points.copy()
    opened[14, 1] += 0.08 * (points[152, 1] - points[10, 1])
    assert mouth_opening(opened) == pytest.approx(0.08 + mouth_opening(points), abs=0.005)
    background = away_from_face(points, image.shape, margin=40)
    assert background.shape == image.shape[:2]
    assert not background[points[:, 1].astype(int), points[:, 0].astype(int)].any()
    assert not background[int(points[152, 1]) + 35, int(points[152, 0])]
    assert background[int(points[152, 1]) + 45, int(points[152, 0])]
    assert background[:50].all()


def test_the_summary_gives_a_verdict_against_every_bar():
    good = Scores(
        lipsync_correlation=0.81,
        lipsync_lag_ms=-40,
        blinks=3,
        blink_rate_per_minute=15,
        background_psnr_db=46.25,
        audio_video_drift_ms=12,
        loudness_lufs=-16.1,
        word_error_rate=0.0,
    )
    assert good.passed
    assert good.summary() == [
        "pass  lip sync, correlation: 0.81 (at least 0.70)",
        "pass  lip sync, lag: -40 ms (within +-80 ms)",
        "pass  sound against picture: 12 ms (within +-40 ms)",
        "pass  words understood wrongly: 0.0% (at most 5.0%)",
        "      background: 46.2 dB (at least 40 where the head holds still and nothing is burnt in)",
        "      blinks: 3 (15 a minute)",
        "      loudness: -16.1 LUFS",
    ]
    poor = Scores(lipsync_correlation=0.5, lipsync_lag_ms=120, word_error_rate=0.2)
    assert not poor.passed
    assert [line[:4] for line in poor.summary()] == ["FAIL"] * 3
    assert Scores().summary() == []


def test_scores_survive_json():
    scores = Scores(lipsync_correlation=0.8, blinks=2, background_psnr_db=41.5)
    assert Scores.model_validate_json(scores.model_dump_json()) == scores

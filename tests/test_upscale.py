"""Real-ESRGAN on real pictures, with the real weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spinbot.engines.base import no_progress
from spinbot.engines.upscale import realesrgan
from spinbot.engines.upscale.realesrgan import RealEsrganEngine
from spinbot.errors import CancelledError, ModelError
from spinbot.media import portraits
from spinbot.media.images import read_portrait
from spinbot.media.score import psnr
from tests.pictures import scene

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def engine(models: Callable[[str], Path]) -> RealEsrganEngine:
    engine = RealEsrganEngine(models)
    engine.load(no_progress)
    return engine


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return read_portrait(portraits.path("demo")).pixels[256:640, 256:640]


def reduced(image: np.ndarray, factor: int) -> np.ndarray:
    size = (image.shape[1] // factor, image.shape[0] // factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


@pytest.mark.parametrize("scale", RealEsrganEngine.scales)
def test_the_face_comes_out_closer_to_the_original_than_by_interpolation(engine, portrait, scale: int):
    small = reduced(portrait, scale)
    large = engine.upscale(small, scale, no_progress)
    bicubic = np.asarray(Image.fromarray(small).resize(portrait.shape[1::-1], Image.Resampling.BICUBIC))
    assert large.shape == portrait.shape
    assert psnr(large, portrait) > max(28, psnr(bicubic, portrait) - 0.5)
    assert sharpness(large) > 1.1 * sharpness(bicubic)


def sharpness(image: np.ndarray) -> float:
    """Mean of the strongest hundredth of all steps between neighbours."""
    steps = np.sort(np.abs(np.diff(image.astype(int), axis=1)), axis=None)
    return float(steps[-steps.size // 100 :].mean())


@pytest.mark.parametrize("scale", RealEsrganEngine.scales)
def test_tiles_leave_no_seam(engine, portrait, scale: int, monkeypatch):
    small = reduced(portrait, 4)[:, :89]
    whole = engine.upscale(small, scale, no_progress)
    monkeypatch.setattr(realesrgan, "TILE", 40)
    tiled = engine.upscale(small, scale, no_progress)
    assert tiled.shape == (small.shape[0] * scale, small.shape[1] * scale, 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_colours_stay_as_they_are(engine):
    flat = np.full((40, 40, 3), (200, 120, 60), np.uint8)
    large = engine.upscale(flat, 2, no_progress)
    assert np.abs(large[20:-20, 20:-20].astype(int) - (200, 120, 60)).max() <= 8


def test_the_same_picture_gives_the_same_result_every_time(engine):
    first = engine.upscale(scene(50, 40), 2, no_progress)
    assert all((engine.upscale(scene(50, 40), 2, no_progress) == first).all() for _ in range(10))


def test_progress_tells_of_every_tile_and_can_stop_the_work(engine, monkeypatch):
    monkeypatch.setattr(realesrgan, "TILE", 32)
    seen = []
    engine.upscale(scene(64, 64), 2, lambda fraction, message: seen.append((fraction, message)))
    assert [fraction for fraction, _ in seen] == [0, 0.25, 0.5, 0.75, 1]
    assert seen[1][1] == "enlarging tile 2 of 4"

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.2:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        engine.upscale(scene(64, 64), 2, stop)


def test_it_works_again_after_unloading(models: Callable[[str], Path]):
    engine = RealEsrganEngine(models)
    for _ in range(2):
        engine.load(no_progress)
        assert engine.upscale(scene(33, 21), 3, no_progress).shape == (63, 99, 3)
        engine.unload()


@pytest.mark.parametrize("fault", ["missing", "cut off", "not a network"])
def test_damaged_weights_are_named(models: Callable[[str], Path], tmp_path: Path, fault: str):
    folder = tmp_path / "realesrgan-animevideov3"
    shutil.copytree(models("realesrgan-animevideov3"), folder)
    if fault == "missing":
        (folder / "x3.bin").unlink()
    elif fault == "cut off":
        (folder / "x3.bin").write_bytes((folder / "x3.bin").read_bytes()[:1000])
    else:
        (folder / "x3.param").write_text("hello")
    with pytest.raises(ModelError, match=r"x3\.param or x3\.bin"):
        RealEsrganEngine(lambda name: tmp_path / name).load(no_progress)

"""The engine `diffusers` with the starter model that comes with spinbot."""

from __future__ import annotations

import numpy as np
import pytest

from spinbot.engines.base import no_progress
from spinbot.engines.face.mediapipe import MediapipeFaceEngine
from spinbot.engines.image.diffusion import DiffusersEngine
from spinbot.engines.image.pipeline import STEPS
from spinbot.errors import CancelledError, InputError

# diffusers 0.42 and transformers 5 warn about themselves.
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore")]

PROMPT = "a woman with long blond hair, a red sweater, green background"


@pytest.fixture(scope="module")
def engine(models):
    made = DiffusersEngine(models)
    made.load(no_progress)
    yield made
    made.unload()


def corner(pixels: np.ndarray) -> np.ndarray:
    return pixels[:20, :20].mean((0, 1))


def test_a_picture_has_the_model_s_size_and_shows_what_the_words_say(engine):
    pixels = engine.draw(PROMPT, width=320, height=192, seed=1, progress=no_progress).pixels
    assert pixels.shape == (128, 128, 3)
    red, green, blue = corner(pixels)
    assert green > red + 30
    assert green > blue + 30


def test_the_same_seed_gives_the_same_picture(engine):
    first, again, other = (
        engine.draw(PROMPT, width=128, height=128, seed=seed, progress=no_progress).pixels for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_its_people_have_faces_that_can_be_animated(engine, models):
    face = MediapipeFaceEngine(models)
    face.load(no_progress)
    for seed in range(3):
        assert face.detect(engine.draw(PROMPT, width=512, height=512, seed=seed, progress=no_progress).pixels)


def test_every_step_is_told_and_may_be_the_last(engine):
    told = []
    engine.draw(PROMPT, width=128, height=128, seed=1, progress=lambda share, message: told.append(share))
    assert told == [pytest.approx((step + 1) / STEPS) for step in range(STEPS)]

    def stop(share: float, message: str) -> None:
        raise CancelledError("stop")

    with pytest.raises(CancelledError):
        engine.draw(PROMPT, width=128, height=128, seed=1, progress=stop)


def test_words_beyond_what_the_model_reads_are_named(engine):
    picture = engine.draw(
        "a man with blue hair " * 10 + "and a zebra", width=128, height=128, seed=1, progress=no_progress
    )
    assert "zebra" in picture.notes[0]


def test_a_size_that_is_none_is_refused(engine):
    with pytest.raises(InputError, match="8x128"):
        engine.draw(PROMPT, width=8, height=128, seed=1, progress=no_progress)

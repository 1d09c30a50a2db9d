"""Where a face ends up in the frame, and what surrounds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from spinbot.engines.base import no_progress
from spinbot.engines.face.base import FaceBox
from spinbot.engines.face.mediapipe import MediapipeFaceEngine
from spinbot.errors import InputError
from spinbot.media import portraits
from spinbot.media.framing import RATIOS, TIGHTEST, Crop, compose, crop_for_face, frame_size
from spinbot.media.images import read_portrait
from tests.pictures import scene

ASPECTS = tuple(RATIOS)


def face_at(x: float, y: float, side: float) -> FaceBox:
    """A level, frontal face whose eyes are at 30 % of its box."""
    keypoints = np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.55], [0.5, 0.75], [0.08, 0.35], [0.92, 0.35]], np.float32)
    return FaceBox(x, y, side, side, 0.9, keypoints * side + np.float32([x, y]))


def eyes_in(crop: Crop, face: FaceBox) -> float:
    return (float(face.keypoints[:2, 1].mean()) - crop.y) / crop.height


def test_frames_have_even_sides():
    assert [frame_size(aspect) for aspect in ASPECTS] == [(512, 910), (512, 512), (910, 512)]
    assert frame_size("9:16", 1080) == (1080, 1920)
    assert all(side % 2 == 0 for short in range(301, 340) for side in frame_size("16:9", short))


@pytest.mark.parametrize("aspect", ASPECTS)
def test_with_room_all_around_the_framing_is_a_portrait_photographers(aspect: str):
    face = face_at(900, 700, 200)
    crop = crop_for_face((2000, 2000), face, aspect)
    assert 0.35 <= face.height / crop.height <= 0.45
    assert eyes_in(crop, face) == pytest.approx(0.4, abs=0.01)
    assert crop.x + crop.width / 2 == pytest.approx(1000)
    assert crop.width / crop.height == pytest.approx(RATIOS[aspect])


@given(
    width=st.integers(64, 2048),
    height=st.integers(64, 2048),
    share=st.floats(0.06, 0.9),
    across=st.floats(0, 1),
    down=st.floats(0, 1),
    aspect=st.sampled_from(ASPECTS),
)
def test_wherever_the_face_is_the_crop_holds_it(width, height, share, across, down, aspect):
    side = share * min(width, height)
    face = face_at(across * (width - side), down * (height - side), side)
    crop = crop_for_face((width, height), face, aspect)
    assert crop.width / crop.height == pytest.approx(RATIOS[aspect])
    assert crop.x <= face.x + 0.01 * side
    assert crop.x + crop.width >= face.x + 0.99 * side
    assert crop.y <= face.y
    assert crop.y + crop.height >= face.y + 0.99 * side
    assert crop.y >= 0
    inside = min(height, width / RATIOS[aspect])
    if side / inside <= TIGHTEST[aspect]:
        assert crop.x >= -1e-6
        assert crop.x + crop.width <= width + 1e-6
        assert crop.y + crop.height <= height + 1e-6


@settings(max_examples=25, deadline=None)
@given(
    crop=st.builds(Crop, st.floats(-90, 90), st.floats(-90, 90), st.floats(80, 200), st.floats(80, 200)),
    size=st.sampled_from([(64, 64), (90, 160), (160, 90)]),
)
def test_every_crop_becomes_a_frame_of_the_exact_size(crop: Crop, size: tuple[int, int]):
    frame = compose(scene(), crop, size)
    assert frame.shape == (size[1], size[0], 3)
    assert frame.dtype == np.uint8


def test_a_crop_of_the_frames_own_size_is_left_as_it_is():
    assert (compose(scene(), Crop(10, 20, 64, 64), (64, 64)) == scene()[20:84, 10:74]).all()


def test_a_small_source_is_enlarged_by_the_least_scale_that_suffices():
    used = []

    def repeat(image, scale):
        used.append(scale)
        return image.repeat(scale, 0).repeat(scale, 1)

    for side in (128, 100, 60, 40, 20):
        assert compose(scene(), Crop(3.5, 7.25, side, side), (128, 128), repeat).shape == (128, 128, 3)
    assert used == [2, 3, 4, 4]
    plain, enlarged = (compose(scene(), Crop(3.5, 7.25, 40, 40), (128, 128), f) for f in (None, repeat))
    assert np.abs(plain.astype(int) - enlarged).mean() < 2  # the enlarged part sits where the plain one does


def test_beyond_a_narrow_picture_its_edge_goes_on_without_a_seam():
    narrow = scene(120, 240)
    frame = compose(narrow, Crop(-153, 0, 426, 240), (426, 240))
    assert (frame[:, 153:273] == narrow).all()
    assert np.abs(frame[:, 152].astype(int) - narrow[:, 0]).mean() < 3
    assert np.abs(frame[:, 273].astype(int) - narrow[:, -1]).mean() < 3
    corner = narrow[:, 0].astype(int)
    assert np.abs(np.diff(corner, axis=0)).max() == 200  # a hard edge of the picture
    assert np.abs(np.diff(frame[:, 0].astype(int), axis=0)).max() < 12  # has faded away at the frame's side


def test_an_unknown_aspect_is_refused_by_name():
    with pytest.raises(InputError, match="'4:3'") as caught:
        frame_size("4:3")
    assert "16:9" in caught.value.hint


@pytest.mark.models
@pytest.mark.parametrize("name", ["demo", "photograph"])
def test_real_faces_are_found_again_where_they_belong(name: str, models: Callable[[str], Path]):
    image = read_portrait(portraits.path("demo")).pixels if name == "demo" else data.astronaut()
    engine = MediapipeFaceEngine(models)
    engine.load(no_progress)
    face = engine.detect(image)[0]
    for aspect in ASPECTS:
        size = frame_size(aspect, 384)
        frame = compose(image, crop_for_face((image.shape[1], image.shape[0]), face, aspect), size)
        (again,) = engine.detect(frame)
        assert again.score > 0.8
        assert 0.33 <= again.height / size[1] <= 0.47
        assert float(again.keypoints[:2, 1].mean()) / size[1] == pytest.approx(0.4, abs=0.05)
        assert float(again.keypoints[:2, 0].mean()) / size[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.models
def test_the_mesh_sits_on_the_drawn_mouth_and_eyes(models: Callable[[str], Path]):
    image = read_portrait(portraits.path("demo")).pixels
    engine = MediapipeFaceEngine(models)
    engine.load(no_progress)
    (face,) = engine.detect(image)
    mesh = engine.mesh(image, face)
    assert face.score > 0.8
    assert mesh.presence > 5
    drawn = {61: (443, 600), 291: (581, 600), 13: (512, 613), 14: (512, 613), 33: (389, 443), 263: (635, 443)}
    drawn |= {133: (470, 449), 362: (554, 449), 152: (512, 706)}  # in units of the SVG, 1024 across
    for point, place in drawn.items():
        assert np.abs(mesh.points[point, :2] * 1024 / image.shape[0] - place).max() < 10, point


def test_the_portrait_that_is_shipped_is_the_rendering_of_its_drawing():
    import resvg_py

    drawing = portraits.path("demo").with_suffix(".svg")
    rendered = read_portrait(bytes(resvg_py.svg_to_bytes(svg_path=str(drawing), skip_system_fonts=True))).pixels
    shipped = np.asarray(Image.open(portraits.path("demo")))
    assert shipped.shape == rendered.shape
    difference = np.abs(shipped.astype(int) - rendered)
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99.9) <= 4
    assert portraits.path("demo").stat().st_size < 300_000
    assert b"<script" not in drawing.read_bytes()

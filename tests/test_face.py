"""The face engine finds the faces that a person sees, in photos and drawings, and no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from spinbot.engines.face.mediapipe import MediapipeFaceEngine

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def engine(models: Callable[[str], Path]) -> MediapipeFaceEngine:
    engine = MediapipeFaceEngine(models)
    engine.load(lambda fraction, message: None)
    return engine


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return skimage.data.astronaut()


def drawing(skin: tuple[int, int, int]) -> np.ndarray:
    """A flat cartoon face, 512 x 512."""
    picture = np.full((512, 512, 3), (222, 230, 235), np.uint8)
    dark = (60, 40, 30)
    cv2.ellipse(picture, (256, 560), (190, 150), 0, 0, 360, (60, 90, 160), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (215, 350), (297, 440), tuple(int(v * 0.9) for v in skin), -1)
    cv2.ellipse(picture, (256, 225), (135, 150), 0, 180, 360, dark, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (256, 260), (112, 140), 0, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (256, 160), (118, 60), 0, 180, 360, dark, -1, cv2.LINE_AA)
    for x in (210, 302):
        cv2.ellipse(picture, (x, 240), (22, 13), 0, 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, 240), 10, dark, -1, cv2.LINE_AA)
        cv2.ellipse(picture, (x, 218), (28, 10), 0, 190, 350, dark, 5, cv2.LINE_AA)
    cv2.ellipse(picture, (256, 288), (16, 10), 0, 0, 180, tuple(int(v * 0.75) for v in skin), 5, cv2.LINE_AA)
    cv2.ellipse(picture, (256, 326), (40, 16), 0, 0, 180, (170, 60, 60), -1, cv2.LINE_AA)
    return picture


def test_photo_has_one_face_with_the_mouth_in_place(engine, astronaut):
    (box,) = engine.detect(astronaut)
    assert box.x < 223 < box.x + box.width
    assert box.y < 125 < box.y + box.height
    mesh = engine.mesh(astronaut, box)
    assert mesh.points.shape == (468, 3)
    assert mesh.presence > 10
    np.testing.assert_allclose(mesh.points[[61, 291], :2], [[201, 139], [246, 141]], atol=4)
    assert mesh.points[13, 1] < mesh.points[14, 1]


def test_head_may_lean(engine, astronaut):
    turn = cv2.getRotationMatrix2D((256, 256), 30, 1)
    leaning = cv2.warpAffine(astronaut, turn, (512, 512))
    upright = engine.mesh(astronaut, engine.detect(astronaut)[0]).points[:, :2]
    mesh = engine.mesh(leaning, engine.detect(leaning)[0])
    expected = upright @ turn[:, :2].T + turn[:, 2]
    assert np.abs(mesh.points[:, :2] - expected).mean() < 1.5


def test_drawings_have_a_face(engine):
    for skin in ((240, 200, 170), (150, 100, 70)):
        picture = drawing(skin)
        (box,) = engine.detect(picture)
        points = engine.mesh(picture, box).points
        np.testing.assert_allclose(points[[61, 291], :2].mean(axis=0), [256, 330], atol=18)


def test_three_faces_in_a_large_picture_largest_first(engine, astronaut):
    picture = np.full((1200, 1800, 3), (180, 200, 210), np.uint8)
    picture[100:356, 150:406] = cv2.resize(astronaut, (256, 256))
    picture[600:1112, 1200:1712] = drawing((240, 200, 170))
    picture[700:850, 500:650] = cv2.resize(astronaut[:300, 80:380], (150, 150))
    boxes = engine.detect(picture)
    assert [(int(box.x + box.width / 2) // 300, int(box.y + box.height / 2) // 300) for box in boxes] == [
        (4, 2),
        (0, 0),
        (1, 2),
    ]


def test_face_that_fills_the_picture_and_tiny_picture(engine, astronaut):
    assert len(engine.detect(np.ascontiguousarray(astronaut[50:220, 160:290]))) == 1
    assert len(engine.detect(cv2.resize(astronaut, (96, 96)))) == 1


@pytest.mark.parametrize("name", ["coffee", "coins", "chelsea", "rocket", "grass", "moon"])
def test_no_face_where_there_is_none(engine, name):
    picture = getattr(skimage.data, name)()
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    assert engine.detect(picture) == []


def test_no_face_in_noise_and_blank(engine):
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert engine.detect(noise) == []
    for value in (0, 128, 255):
        assert engine.detect(np.full((300, 400, 3), value, np.uint8)) == []


def test_loads_again_after_unload(models, astronaut):
    engine = MediapipeFaceEngine(models)
    for _ in range(2):
        engine.load(lambda fraction, message: None)
        assert len(engine.detect(astronaut)) == 1
        engine.unload()

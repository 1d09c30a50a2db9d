"""Pictures are looked through before anything is learned from them: what is wrong is named, with a remedy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from spinbot.engines.base import no_progress
from spinbot.engines.image.drawn.engine import DrawnEngine, render
from spinbot.errors import InputError
from spinbot.media import photo
from spinbot.media.photo import Fingerprint, Light
from spinbot.media.picture_folder import MOST, read_folder
from spinbot.media.picture_set import Seen, examine
from spinbot.starter.pictures import look_of
from tests.test_jobs_cli import environment

SIZE = 640
GREY = np.full(192, 192**-0.5, np.float32)
"""The colours of all pictures of which only the bits matter."""


def spinbot_in(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spinbot.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment(home))


def portrait(seed: int, words: str = "a person") -> Image.Image:
    engine = DrawnEngine(lambda name: Path())
    pixels = engine.draw(words, width=SIZE, height=SIZE, seed=seed, progress=no_progress).pixels
    return Image.fromarray(pixels)


def seen(number: int, **facts: Any) -> Seen:
    """A good picture, where nothing else is said."""
    distinct = Fingerprint(number * 0x9E3779B97F4A7C15 % 2**64, GREY)
    good = {"width": 800, "height": 800, "faces": [300.0], "blur": 0.3, "light": Light(0.2, 0.8)}
    return Seen(name=f"{number}.png", **({"fingerprint": distinct} | good | facts))  # type: ignore[arg-type]


def codes(checkup: Any) -> set[tuple[str, str]]:
    return {(finding.name, finding.code) for finding in checkup.findings}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five good portraits, and one of everything that is wrong."""
    place = tmp_path_factory.mktemp("photos")
    people = ["a woman with long red hair", "a bald man", "a boy with a cap", "an old woman", "a man with a beard"]
    good = [portrait(seed, words) for seed, words in enumerate(people)]
    for number, image in enumerate(good):
        image.save(place / f"good{number}.png")
    good[0].resize((560, 560)).save(place / "copy.jpg", quality=80)
    portrait(11).filter(ImageFilter.GaussianBlur(9)).save(place / "blurred.png")
    Image.fromarray((np.asarray(portrait(12)) * 0.15).astype(np.uint8)).save(place / "dark.png")
    pair = Image.new("RGB", (2 * SIZE, SIZE))
    for place_x, seed in ((0, 13), (SIZE, 14)):
        pair.paste(portrait(seed), (place_x, 0))
    pair.save(place / "two.png")
    portrait(15).resize((100, 100)).save(place / "tiny.png")
    Image.new("RGB", (700, 700), (90, 120, 200)).save(place / "sky.png")
    (place / "bad.jpg").write_bytes(b"not a picture")
    (place / "good0.txt").write_text("a woman")
    (place / "gone.caption").write_text("somebody else")
    return place


@pytest.mark.models
def test_what_is_wrong_with_a_folder_of_pictures_is_said_with_a_remedy(folder, models, tmp_path):
    (tmp_path / "models").symlink_to(models("mediapipe-face").parent)
    done = spinbot_in(tmp_path, "dataset", "pictures", folder, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["go"] is True
    assert found["used"] == [f"good{number}.png" for number in range(5)]
    told = {(finding["name"], finding["code"]) for finding in found["findings"] if finding["level"] == "left_out"}
    assert told == {
        ("copy.jpg", "duplicate"),
        ("blurred.png", "blurred"),
        ("dark.png", "dark"),
        ("two.png", "several_faces"),
        ("tiny.png", "too_small"),
        ("sky.png", "no_face"),
        ("bad.jpg", "not_a_picture"),
    }
    assert {("gone.caption", "caption_without_picture"), ("", "captions_missing"), ("", "few")} <= {
        (finding["name"], finding["code"]) for finding in found["findings"]
    }
    assert all(finding["remedy"] for finding in found["findings"])
    table = spinbot_in(tmp_path, "dataset", "pictures", folder)
    assert "5 used, 7 left out: a look can be learned from them" in table.stdout


def test_pictures_that_are_all_unreadable_are_no_reason_to_start_anything(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "bad.jpg").write_bytes(b"not a picture")
    done = spinbot_in(tmp_path / "home", "dataset", "pictures", photos)
    assert done.returncode == 2
    assert "0 used, 1 left out: nothing can be learned from them as they are" in done.stdout


def test_a_folder_without_pictures_is_an_error_that_says_what_to_give(tmp_path):
    with pytest.raises(InputError, match="there are no pictures"):
        read_folder(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        read_folder(tmp_path / "none")
    for number in range(MOST + 1):
        (tmp_path / f"{number}.png").touch()
    with pytest.raises(InputError, match="1,000 are the most"):
        read_folder(tmp_path)


def test_captions_are_read_from_beside_the_picture_and_from_metadata(tmp_path):
    for name in ("a.jpg", "b.PNG", "c.webp", "d.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "a.txt").write_text("ada\n")
    (tmp_path / "b.caption").write_text("ben")
    lines = ['{"file_name": "c.webp", "text": "cleo"}', "nonsense", '{"file_name": "gone.jpg", "text": "dan"}', "[]"]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    (tmp_path / "d.txt").write_bytes(b"\xff\xfe")
    found = read_folder(tmp_path)
    assert {file.path.name: file.caption for file in found.pictures} == {
        "a.jpg": "ada",
        "b.PNG": "ben",
        "c.webp": "cleo",
        "d.jpg": "",
    }
    assert sorted((finding.name, finding.code) for finding in found.findings) == [
        ("d.txt", "caption_unreadable"),
        ("gone.jpg", "caption_without_picture"),
        ("metadata.jsonl", "caption_unreadable"),
        ("metadata.jsonl", "caption_unreadable"),
    ]


def test_one_picture_is_too_few_and_five_hundred_are_more_than_help():
    alone = examine([seen(1)])
    assert (alone.go, codes(alone)) == (False, {("", "too_few")})
    many = examine([seen(number) for number in range(500)])
    assert (many.go, codes(many)) == (True, {("", "many")})
    assert examine([seen(number) for number in range(20)]).findings == []


def test_copies_of_one_picture_are_one_picture():
    same = seen(0).fingerprint
    checkup = examine([seen(number, width=900 + number, fingerprint=same) for number in range(12)])
    assert (checkup.go, checkup.used, len(checkup.left_out)) == (False, ["11.png"], 11)
    assert {code for _, code in codes(checkup)} == {"duplicate", "too_few"}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"faces": []}, "no_face"),
        ({"faces": [300.0, 200.0]}, "several_faces"),
        ({"faces": [300.0, 60.0]}, "others_behind"),
        ({"faces": [50.0]}, "tiny_face"),
        ({"faces": [100.0]}, "small_face"),
        ({"blur": 0.65}, "soft"),
        ({"blur": 0.8}, "blurred"),
        ({"light": Light(0.01, 0.2)}, "dark"),
        ({"light": Light(0.9, 1.0)}, "overexposed"),
        ({"width": 300}, "small"),
        ({"height": 200, "faces": [60.0]}, "too_small"),
    ],
)
def test_each_fault_has_its_name(facts, code):
    checkup = examine([*(seen(number) for number in range(10)), seen(99, **facts)])
    assert codes(checkup) == {("99.png", code)}


def blurred(image: Image.Image, radius: float) -> npt.NDArray[np.uint8]:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))


def test_blur_grows_with_the_radius_whatever_the_size():
    image = portrait(3)
    figures = [photo.blur(blurred(image, radius)) for radius in (0, 2, 4, 8, 16)]
    assert figures == sorted(figures)
    assert figures[0] < 0.4 < 0.7 < figures[-1]
    larger = image.resize((2 * SIZE, 2 * SIZE))
    assert photo.blur(np.asarray(larger)) == pytest.approx(figures[0], abs=0.1)


def test_dark_skin_is_not_a_dark_picture():
    pixels = np.asarray(portrait(4, "a woman with black skin and black hair, dark grey wall"))
    assert photo.light(pixels).high > 0.25


def test_a_picture_saved_anew_is_still_the_same_and_another_is_not(tmp_path):
    image = portrait(5)
    image.resize((300, 300)).save(tmp_path / "again.jpg", quality=60)
    prints = [photo.fingerprint(np.asarray(one)) for one in (image, Image.open(tmp_path / "again.jpg"), portrait(6))]
    assert photo.alike(prints[0], prints[1])
    assert not photo.alike(prints[0], prints[2])


def test_people_who_sit_alike_are_not_one_picture():
    """Their outlines agree: the same pose before walls of one colour each."""
    two = [render(look_of(seed), 160, 160, seed) for seed in (156, 81)]
    prints = [photo.fingerprint(pixels) for pixels in two]
    assert (prints[0].bits ^ prints[1].bits).bit_count() <= photo.SAME_BITS
    assert not photo.alike(*prints)
    for pixels, one in zip(two, prints, strict=True):
        for changed in (pixels * 0.7, np.clip(pixels * 1.2, 0, 255)):
            assert photo.alike(one, photo.fingerprint(changed.astype(np.uint8)))

"""The engine `drawn`: what words say about a portrait is what the picture shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinbot.engines.base import no_progress
from spinbot.engines.face.mediapipe import MediapipeFaceEngine
from spinbot.engines.image.drawn.chance import complete
from spinbot.engines.image.drawn.engine import DrawnEngine, render
from spinbot.engines.image.drawn.look import COLOURS, HAIR_COLOURS, STYLES, VALUES, Look
from spinbot.engines.image.drawn.reader import read
from spinbot.engines.image.drawn.svg import svg
from spinbot.engines.tts.kokoro import KokoroEngine
from spinbot.engines.tts.piper import PiperEngine
from spinbot.errors import InputError
from spinbot.graphs.films import TalkingPortrait

PROMPTS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "benchmarks/portrait_prompts.jsonl").read_text().splitlines()
]
JUDGED = ("hair_colour", "length", "glasses", "beard", "hat", "clothes_colour", "background")


def draw(prompt: str, width: int = 256, height: int = 256, seed: int = 0) -> np.ndarray:
    engine = DrawnEngine(lambda name: Path())
    return engine.draw(prompt, width=width, height=height, seed=seed, progress=no_progress).pixels


def near(pixels: np.ndarray, colour: str, share: float = 0.01) -> bool:
    """Whether a part of the picture has about this colour, whatever its brightness."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)
    return float((np.abs(pixels.astype(float) - wanted).max(-1) < 40).mean()) >= share


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a woman with long red hair in a green hoodie, blue wall", ("red", "green", "blue")),
        ("her hair is green and she wears a purple dress against a grey backdrop", ("green", "purple", "grey")),
        ("blonde girl in red, black background", ("blond", "red", "black")),
        ("a guy in front of a yellow wall, black-haired, in a white shirt", ("black", "white", "yellow")),
        ("hair: blue. sweater: pink. background: brown.", ("blue", "pink", "brown")),
        ("an orange curtain behind a grey-haired man wearing a teal jacket", ("grey", "teal", "orange")),
    ],
)
def test_each_colour_belongs_to_its_thing(prompt, expected):
    known = read(prompt).known
    assert (known["hair_colour"], known["clothes_colour"], known["background"]) == expected


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("a man without a beard", "beard", "none"),
        ("no glasses, please", "glasses", "none"),
        ("a bald lady", "hair", "bald"),
        ("short curly hair", "hair", "short_curly"),
        ("long curly hair", "hair", "long_curly"),
        ("a black man in a white shirt", "skin", "dark"),
        ("grandmother with a bun", "age", "old"),
        ("a chef", "hat", "chef"),
        ("blue-eyed boy", "eyes", "blue"),
        ("somebody with a full beard", "sex", "man"),
        ("a person in a hijab", "sex", "woman"),
    ],
)
def test_ordinary_words_are_understood(prompt, field, value):
    assert read(prompt).known[field] == value


def test_fixed_prompts_are_read_as_they_are_meant():
    right = total = 0
    for number, expected in enumerate(PROMPTS):
        reading = read(expected["prompt"])
        look = complete(reading.known, number, reading.length)
        got = vars(look) | {"length": STYLES[look.hair].length}
        fields = [name for name in JUDGED if name in expected and not (name == "length" and look.hat == "headscarf")]
        total += len(fields)
        right += sum(got[name] == expected[name] for name in fields)
    assert total > 250
    assert right / total >= 0.97


def test_words_that_are_not_known_are_named():
    engine = DrawnEngine(lambda name: Path())
    picture = engine.draw("a robot with red hair", width=64, height=64, seed=0, progress=no_progress)
    assert "robot" in picture.notes[0]
    assert "hair" not in picture.notes[0]


def test_the_same_seed_draws_the_same_person_and_another_another():
    assert np.array_equal(draw("a man", seed=4), draw("a man", seed=4))
    assert not np.array_equal(draw("a man", seed=4), draw("a man", seed=5))


def test_what_is_added_to_a_prompt_changes_nothing_else():
    before, after = complete(read("a woman").known, 7), complete(read("a woman with sunglasses").known, 7)
    assert vars(before) | {"glasses": "sunglasses"} == vars(after)


def test_the_picture_shows_the_colours():
    pixels = draw("a woman with long blue hair, orange sweater, white wall")
    assert near(pixels[:60, :40], COLOURS["white"], 0.5)
    assert near(pixels[230:, 100:156], COLOURS["orange"], 0.3)
    assert near(pixels, HAIR_COLOURS["blue"])


@pytest.mark.parametrize("field", VALUES)
def test_each_value_of_a_look_is_seen(field):
    seen = set()
    plain = complete({"sex": "man", "beard": "full", "hat": "cap", "hair": "bob"}, 3, even=True)
    for value in VALUES[field]:
        seen.add(render(Look(**(vars(plain) | {field: value})), 64, 64).tobytes())
    assert len(seen) == len(VALUES[field])


@pytest.mark.models
def test_faces_are_found_in_whatever_is_drawn(models):
    face = MediapipeFaceEngine(models, threads=1)
    face.load(no_progress)
    missed = [
        look
        for seed in range(60)
        for look in [complete({}, 1000 + seed, even=True)]
        if not face.detect(render(look, 384, 384, seed))
    ]
    assert len(missed) <= 1, missed


@pytest.mark.parametrize(("width", "height"), [(64, 64), (320, 180), (90, 160), (2048, 100)])
def test_any_shape_is_filled(width, height):
    pixels = draw("a woman, green wall", width, height)
    assert pixels.shape == (height, width, 3)
    corners = pixels[[0, 0], [0, -1]].astype(int)
    assert (corners[:, 1] > corners[:, 0]).all()


def test_a_size_that_is_none_is_refused():
    with pytest.raises(InputError, match="4x4 is no size"):
        draw("a man", 4, 4)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200))
def test_any_text_gives_a_person(text):
    look = complete(read(text).known, 1, read(text).length)
    assert all(value in VALUES[field] for field, value in vars(look).items())


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.booleans())
def test_every_look_is_a_whole_document(seed, even):
    document = svg(complete({}, seed, even=even), 128, 128, seed)
    assert "$" not in document
    assert "@" not in document
    assert "<strands" not in document


def test_who_is_drawn_speaks_with_a_voice_that_suits():
    def voice(**fields) -> str:
        return TalkingPortrait(script="Hello.", **fields).graph()["nodes"]["perform"]["params"]["voice"]

    assert voice(look="a lady with a hat") == "any:female"
    assert voice(look="a bearded fellow") == "any:male"
    assert voice(look="a lady", voice="stock:kumo") == "stock:kumo"
    assert KokoroEngine.named("any:female") == "stock:alpha"
    assert KokoroEngine.named("any:male") == KokoroEngine.named("") == "stock:kumo"
    assert PiperEngine.named("any:female") == "joe"


@pytest.mark.parametrize("fields", [{}, {"look": "  "}, {"look": "a man", "portrait": "sha256:" + "0" * 64}])
def test_a_video_needs_a_portrait_or_a_look_and_not_both(fields):
    with pytest.raises(InputError, match="either a portrait or a look"):
        TalkingPortrait(script="Hello.", **fields)

"""What a prompt leaves open, drawn by lot: the same seed gives the same person."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from spinbot.engines.image.drawn.look import COLOURS, EYES, SKINS, STYLES, VALUES, Length, Look
from spinbot.engines.image.drawn.reader import read

GREY_WITH_AGE = {"young": 0.0, "middle": 0.15, "old": 0.85}
DYED = 0.08
FOR_THE_YOUNG = ("mohawk", "spiky", "afro", "buzz")
HAIR_OF_SKIN = {
    "pale": {"blond": 4, "red": 3, "brown": 3, "auburn": 2, "black": 1},
    "light": {"brown": 5, "blond": 3, "black": 3, "auburn": 2, "red": 1},
    "tan": {"black": 5, "brown": 4, "auburn": 1},
    "brown": {"black": 7, "brown": 2},
    "dark": {"black": 9, "brown": 1},
}
EYES_OF_SKIN = {"pale": {"blue": 3, "green": 2, "grey": 1, "brown": 2}, "light": {"brown": 4, "blue": 3, "green": 2}}
# Glasses and hats nobody asked for would surprise.
LIKELY: dict[str, dict[str, float]] = {
    "age": {"young": 6, "middle": 3, "old": 2},
    "glasses": {"none": 1},
    "hat": {"none": 1},
    "clothes": {"tshirt": 3, "shirt": 2, "sweater": 2, "hoodie": 2, "jacket": 2, "suit": 0.7},
}
BEARDS_OF_MEN = {"none": 5, "stubble": 1.5, "moustache": 0.7, "goatee": 0.7, "full": 2}


def complete(known: Mapping[str, str], seed: int, length: Length | None = None, *, even: bool = False) -> Look:
    """A whole look with what is `known` of it (fields of `Look`) and the rest by lot.

    `length` is how long the hair is, where its style is not known. `even` draws every value as often as any other, for
    training data; else likely people come out.
    """
    rng = random.Random(seed)
    look: dict[str, Any] = {}

    def fill(field: str, weights: Mapping[str, float]) -> None:
        names = list(weights)
        drawn = rng.choices(names, [max(weights[name], 1e-9) for name in names])[0]
        look[field] = known.get(field, drawn)  # drawn in any case: what is known changes nothing else of the person

    def equal(values: tuple[str, ...]) -> dict[str, float]:
        return dict.fromkeys(values, 1.0)

    fill("sex", equal(VALUES["sex"]))
    man = look["sex"] == "man"
    fill("age", LIKELY["age"])
    fill("skin", equal(tuple(SKINS)))
    fill("eyes", EYES_OF_SKIN.get(look["skin"], {"brown": 1}) if not even else equal(tuple(EYES)))
    styles = {name: style.men if man else style.women for name, style in STYLES.items()}
    if even:
        worn = [name for name, weight in styles.items() if weight]
        styles = {name: 0.3 if STYLES[name].length == "none" else 1.0 for name in worn}
    elif look["age"] == "old":
        styles = {name: weight * (0 if name in FOR_THE_YOUNG else 1) for name, weight in styles.items()}
    if length is not None:
        fitting = {name: weight for name, weight in styles.items() if STYLES[name].length == length}
        styles = fitting if any(fitting.values()) else dict.fromkeys(fitting, 1.0)
    fill("hair", styles)
    colours = HAIR_OF_SKIN[look["skin"]] if not even else equal(VALUES["hair_colour"])
    dyed, greyed = rng.random(), rng.random()
    if not even and greyed < GREY_WITH_AGE[look["age"]]:
        colours = {"grey": 1, "white": 1}
    elif not even and dyed < DYED and look["age"] == "young":
        colours = {"blue": 1, "pink": 1, "purple": 1, "green": 0.5}
    fill("hair_colour", colours)
    fill("glasses", LIKELY["glasses"] if not even else {"none": 3, "round": 1, "square": 1, "sunglasses": 1})
    fill("beard", {"none": 1} if not man else BEARDS_OF_MEN)
    hats = {"none": 8, "beanie": 1, "cap": 1, "hat": 1, "headscarf": 0 if man else 1, "chef": 0.7}
    fill("hat", LIKELY["hat"] if not even else hats)
    fill("hat_colour", equal(tuple(COLOURS)))
    clothes = LIKELY["clothes"] | ({} if man else {"dress": 2})
    fill("clothes", clothes if not even else equal(tuple(clothes)))
    fill("clothes_colour", equal(tuple(COLOURS)))
    fill("background", equal(tuple(COLOURS)))
    if not even and "background" not in known and look["background"] == look["clothes_colour"]:
        others = [name for name in COLOURS if name != look["clothes_colour"]]
        look["background"] = rng.choice(others)
    return Look(**look)


def person(prompt: str, seed: int) -> Look:
    """Who is drawn for a prompt and a seed."""
    reading = read(prompt)
    return complete(reading.known, seed, reading.length)

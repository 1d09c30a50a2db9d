"""What a drawn portrait can look like: the attributes, their values, and the colours behind the names.

The same space is what the starter image model is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sex = Literal["woman", "man"]
Age = Literal["young", "middle", "old"]
Length = Literal["none", "short", "medium", "long", "up"]


@dataclass(frozen=True)
class Style:
    """A hair style: how long it is worn (`up`: long, but tied), whether ears show, and who has it by chance."""

    length: Length
    ears: bool
    women: float
    men: float


STYLES: dict[str, Style] = {
    "bald": Style("none", True, 0.0, 0.07),
    "receding": Style("none", True, 0.0, 0.05),
    "buzz": Style("short", True, 0.01, 0.14),
    "short": Style("short", True, 0.06, 0.32),
    "spiky": Style("short", True, 0.02, 0.12),
    "short_curly": Style("short", True, 0.06, 0.12),
    "mohawk": Style("short", True, 0.01, 0.03),
    "bob": Style("medium", False, 0.14, 0.02),
    "fringe": Style("medium", False, 0.12, 0.01),
    "afro": Style("medium", False, 0.08, 0.06),
    "bun": Style("up", True, 0.1, 0.01),
    "ponytail": Style("up", True, 0.1, 0.01),
    "braids": Style("long", True, 0.07, 0.0),
    "long_straight": Style("long", False, 0.09, 0.02),
    "long_wavy": Style("long", False, 0.1, 0.02),
    "long_curly": Style("long", False, 0.09, 0.0),
}
"""Weights of `women` and of `men` are relative."""

HAIR_COLOURS: dict[str, str] = {
    "black": "#26201f",
    "brown": "#6b4030",
    "auburn": "#8f3f24",
    "red": "#c9481f",
    "blond": "#dcb660",
    "white": "#ece9e4",
    "grey": "#9b9a9c",
    "blue": "#2f6fd0",
    "green": "#35974c",
    "pink": "#ea7fae",
    "purple": "#8348b8",
}
SKINS: dict[str, str] = {
    "pale": "#f6d6bd",
    "light": "#eab48e",
    "tan": "#cf925f",
    "brown": "#9a643f",
    "dark": "#5e3b28",
}
EYES: dict[str, str] = {"brown": "#6e4223", "blue": "#3d78b4", "green": "#4a8a55", "grey": "#7b858c"}
COLOURS: dict[str, str] = {
    "red": "#c8302f",
    "orange": "#e67e22",
    "yellow": "#efc731",
    "green": "#2f8f46",
    "teal": "#1f8a8a",
    "blue": "#2f62c4",
    "purple": "#7d44b0",
    "pink": "#ec86b1",
    "brown": "#7a4b2c",
    "beige": "#e5c9a6",
    "grey": "#8d9196",
    "black": "#26272b",
    "white": "#f0eeea",
}
"""Of clothes, hats and backgrounds."""

GLASSES = ("none", "round", "square", "sunglasses")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
HATS = ("none", "beanie", "cap", "hat", "headscarf", "chef")
CLOTHES = ("tshirt", "shirt", "sweater", "hoodie", "jacket", "suit", "dress")


@dataclass(frozen=True)
class Look:
    """One portrait. Values are names of the tables above; where there is no hat its colour plays no part."""

    sex: Sex
    age: Age
    skin: str
    eyes: str
    hair: str
    hair_colour: str
    glasses: str
    beard: str
    hat: str
    hat_colour: str
    clothes: str
    clothes_colour: str
    background: str


VALUES: dict[str, tuple[str, ...]] = {
    "sex": ("woman", "man"),
    "age": ("young", "middle", "old"),
    "skin": tuple(SKINS),
    "eyes": tuple(EYES),
    "hair": tuple(STYLES),
    "hair_colour": tuple(HAIR_COLOURS),
    "glasses": GLASSES,
    "beard": BEARDS,
    "hat": HATS,
    "hat_colour": tuple(COLOURS),
    "clothes": CLOTHES,
    "clothes_colour": tuple(COLOURS),
    "background": tuple(COLOURS),
}
"""Every value of every field of `Look`."""

"""From a look to an SVG document: the parts of `parts/` put together, coloured, and given strands of hair.

A part is a piece of SVG in a square of 1024 units. In it `@hair-30` is the colour of the hair 30 % nearer to black,
`@hair+30` 30 % nearer to white, and

    <strands stroke="@hair-52" width="4" n="12" opacity="0.4" from="M... C..." to="M... C..."/>

are n lines that lie between the two curves, which must have the same commands; no two looks with different seeds have
the same. The artwork is original.
"""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from spinbot.engines.image.drawn.look import COLOURS, EYES, HAIR_COLOURS, SKINS, STYLES, Look

RGB = tuple[float, float, float]

SIDE = 1024
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_STRANDS = re.compile(r"<strands ([^>]*)/>")
_COLOUR = re.compile(r"@([a-z]+)([+-]\d+)?")
_SLOT = re.compile(r"\$(\w+)")
_BLACK, _WHITE = (26.0, 10.0, 6.0), (255.0, 250.0, 240.0)

_BELOW_HAT = (
    '<clipPath id="belowhat"><path d="M-200 1100 L-200 460 C200 400 340 335 512 335 C684 335 824 400 1224 460 '
    'L1224 1100 Z"/></clipPath>'
)
_EARS = '<use xlink:href="#ear"/><use xlink:href="#ear" transform="matrix(-1 0 0 1 1024 0)"/>'


@dataclass(frozen=True)
class _Head:
    """What differs between the faces of women and men; see `parts/heads.toml`."""

    face: str
    neck: str
    brows: str
    lashes: str
    blush: float
    lips: str
    lips_share: float


def svg(look: Look, width: int, height: int, seed: int = 0) -> str:
    """The portrait as an SVG document of `width` x `height` pixels: the person stays whole, the wall fills the rest."""
    rng = random.Random(seed)
    head, hair = _heads()[look.sex], STYLES[look.hair]
    back, front = _part(f"hair/{look.hair}.back"), _part(f"hair/{look.hair}.front")
    if look.hat == "headscarf":
        back = front = ""
    elif look.hat != "none":
        back = f'{_BELOW_HAT}<g clip-path="url(#belowhat)">{back}</g>'
        front = f'<g clip-path="url(#belowhat)">{front}</g>'
    slots = {
        "view": _view(width, height),
        "width": str(width),
        "height": str(height),
        "face": head.face,
        "neck": head.neck,
        "brows": head.brows,
        "lashes": head.lashes,
        "blush": str(head.blush),
        "hair_back": back,
        "clothes": _part(f"clothes/{look.clothes}"),
        "ears": _EARS if hair.ears and look.hat != "headscarf" else "",
        "age": _part(f"age/{look.age}"),
        "beard": _part(f"beard/{look.beard}"),
        "hair_front": front,
        "glasses": _part(f"glasses/{look.glasses}"),
        "hat": _part(f"hat/{look.hat}"),
    }
    document = _SLOT.sub(lambda found: slots[found[1]], _part("portrait"))
    document = _STRANDS.sub(lambda found: _strands(found[1], rng), document)
    colours = _colours(look, head)
    return _COLOUR.sub(lambda found: _hex(_shade(colours[found[1]], int(found[2] or 0))), document)


def _view(width: int, height: int) -> str:
    """The viewBox: wider pictures show more wall at both sides, taller ones more above."""
    if width >= height:
        across = SIDE * width / height
        return f"{(SIDE - across) / 2:.1f} 0 {across:.1f} {SIDE}"
    down = SIDE * height / width
    return f"0 {SIDE - down:.1f} {SIDE} {down:.1f}"


def _colours(look: Look, head: _Head) -> dict[str, RGB]:
    hair, skin = _rgb(HAIR_COLOURS[look.hair_colour]), _rgb(SKINS[look.skin])
    return {
        "skin": skin,
        "hair": hair,
        "brow": _shade(hair, -45 if sum(hair) > 360 else -20),  # light hair grows under darker brows
        "beard": _shade(hair, -8),
        "eyes": _rgb(EYES[look.eyes]),
        "lips": _mix(skin, _rgb(head.lips), head.lips_share),
        "cloth": _rgb(COLOURS[look.clothes_colour]),
        "hat": _rgb(COLOURS[look.hat_colour]),
        "wall": _rgb(COLOURS[look.background]),
    }


def _strands(attributes: str, rng: random.Random) -> str:
    given = dict(_ATTRIBUTE.findall(attributes))
    start = [float(number) for number in _NUMBER.findall(given["from"])]
    end = [float(number) for number in _NUMBER.findall(given["to"])]
    count, lines = int(given["n"]), []
    for line in range(count):
        share = (line + rng.uniform(0.1, 0.9)) / count
        at = [a + (b - a) * share + rng.uniform(-5, 5) for a, b in zip(start, end, strict=True)]
        curve = " ".join(f"{number:.0f}" for number in at[2:])
        width = float(given["width"]) * rng.uniform(0.6, 1.4)
        lines.append(f'<path d="M{at[0]:.0f} {at[1]:.0f} C{curve}" stroke-width="{width:.1f}"/>')
    style = f'fill="none" stroke="{given["stroke"]}" stroke-linecap="round" opacity="{given["opacity"]}"'
    return f"<g {style}>{''.join(lines)}</g>"


@cache
def _heads() -> dict[str, _Head]:
    heads = tomllib.loads((files(__package__) / "parts" / "heads.toml").read_text("utf-8"))
    return {sex: _Head(**head) for sex, head in heads.items()}


@cache
def _part(name: str) -> str:
    """A part by name; empty for one that has no file: hair without a back, no glasses."""
    file = files(__package__) / "parts" / f"{name}.svg"
    return file.read_text("utf-8").strip() if file.is_file() else ""


def _rgb(colour: str) -> RGB:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: RGB) -> str:
    return "#" + "".join(f"{round(channel):02x}" for channel in colour)


def _mix(first: RGB, second: RGB, share: float) -> RGB:
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def _shade(colour: RGB, percent: int) -> RGB:
    return _mix(colour, _BLACK if percent < 0 else _WHITE, abs(percent) / 100)

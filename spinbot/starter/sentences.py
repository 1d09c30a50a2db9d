"""The shapes of a caption: how its parts are put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from spinbot.starter.phrases import article

BEGINNINGS = (
    "a portrait of",
    "portrait of",
    "a picture of",
    "a drawing of",
    "an illustration of",
    "a photo of",
    "headshot of",
)
ENDINGS = (
    "smiling", "flat illustration", "looking at the camera", "digital art", "close up", "avatar", "simple style",
    "vector art", "front view", "friendly face", "high quality", "soft light",
)  # fmt: skip
BEFORE_WALL = ("against", "in front of", "on", "before", "with", "standing in front of", "posing against")
OBJECT = {"her": "her", "his": "him", "": "them"}


@dataclass
class Parts:
    """What a caption has to say."""

    pronoun: str
    """her, his or empty."""
    person: str = ""
    adjectives: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    """Other nouns for the person."""
    after: list[str] = field(default_factory=list)
    things: list[str] = field(default_factory=list)
    """With what: hair, glasses, a beard."""
    clothes: list[str] = field(default_factory=list)
    statements: list[tuple[str, str]] = field(default_factory=list)
    """What is how: (hair, blue)."""
    free: list[str] = field(default_factory=list)
    wall: tuple[str, str] | None = None
    """Colour and noun of the background."""


def sentence(parts: Parts, rng: Random) -> str:
    """One caption of the parts."""
    shape = rng.choices((_flowing, _list, _sentences, _wall_first), (4, 3, 2, 1.5))[0]
    text = shape(parts, rng)
    if rng.random() < 0.12:
        text = f"{text}, {rng.choice(ENDINGS)}"
    return text[0].upper() + text[1:] if rng.random() < 0.4 else text


def _flowing(parts: Parts, rng: Random) -> str:
    """A woman with red hair, wearing a green dress against a blue wall."""
    pieces = [_opening(parts, rng)]
    pieces += _attributes(parts, rng)
    if parts.wall:
        pieces.append(f"{rng.choice(('', ', '))}{_wall(parts, rng)}")
    pieces += [f", {text}" for text in _leftovers(parts, rng)]
    return _joined(pieces)


def _list(parts: Parts, rng: Random) -> str:
    """Red hair, green dress, woman, blue wall."""
    items = [*parts.things, *(_bare(item, rng) for item in parts.clothes), *_leftovers(parts, rng)]
    if parts.person:
        items.append(_bare(_who(parts, rng), rng))
    if parts.wall:
        colour, noun = parts.wall
        items.append(rng.choice((f"{colour} {noun}", f"{colour} {noun}", f"{noun} in {colour}", _wall(parts, rng))))
    rng.shuffle(items)
    if rng.random() < 0.5:  # the person first, as most write
        who = next((item for item in items if parts.person in item), items[0])
        items.remove(who)
        items.insert(0, who)
    return ", ".join(items)


def _sentences(parts: Parts, rng: Random) -> str:
    """A woman. She has red hair. Her dress is green. The wall is blue."""
    pronoun = {"her": "she", "his": "he"}.get(parts.pronoun, "the person")
    lines = [_opening(parts, rng)]
    if parts.things:
        lines.append(f"{pronoun} has {_and(parts.things)}")
    if parts.clothes:
        lines.append(
            f"{pronoun} {rng.choice(('wears', 'is wearing', 'has on', 'is dressed in'))} {_and(parts.clothes)}"
        )
    lines += _leftovers(parts, rng)
    if parts.wall:
        colour, noun = parts.wall
        says = (
            f"the {noun} is {colour}",
            f"the {noun} behind {OBJECT[parts.pronoun]} is {colour}",
            f"{article(colour)} {noun}",
        )
        lines.append(rng.choice(says))
    rest = lines[1:]
    rng.shuffle(rest)
    mark = rng.choice((". ", ". ", "; ", ", "))
    return mark.join([lines[0], *rest])


def _wall_first(parts: Parts, rng: Random) -> str:
    """Against a blue wall, a woman with red hair, in a green dress."""
    pieces = [f"{_wall(parts, rng)}{rng.choice((', ', ': ', ' '))}"] if parts.wall else []
    pieces += [_opening(parts, rng), *_attributes(parts, rng), *(f", {text}" for text in _leftovers(parts, rng))]
    return _joined(pieces)


def _opening(parts: Parts, rng: Random) -> str:
    who = _who(parts, rng)
    return f"{rng.choice(BEGINNINGS)} {who}" if rng.random() < 0.25 else who


def _who(parts: Parts, rng: Random) -> str:
    """The person with all that is said in one word or two: "a young redhead, woman"."""
    nouns = [parts.person, *parts.titles]
    rng.shuffle(nouns)
    adjectives = list(parts.adjectives)
    rng.shuffle(adjectives)
    first = " ".join([*adjectives, nouns[0]])
    named = first if nouns[0] == "someone" and not adjectives else article(first)
    if nouns[0] == "someone" and adjectives:
        named = f"someone {' and '.join(adjectives)}"
    return ", ".join([" ".join([named, *parts.after]), *(article(noun) for noun in nouns[1:])])


def _attributes(parts: Parts, rng: Random) -> list[str]:
    """With what and wearing what, in either order."""
    pieces = []
    if parts.things:
        pieces.append(f"{rng.choice((' ', ' ', ', '))}with {_and(parts.things)}")
    if parts.clothes:
        verb = rng.choice(("wearing", "wearing", "in", "dressed in", "who wears", "clad in"))
        pieces.append(f"{rng.choice((' ', ', '))}{verb} {_and(parts.clothes)}")
    rng.shuffle(pieces)
    return pieces


def _leftovers(parts: Parts, rng: Random) -> list[str]:
    owner = parts.pronoun if parts.pronoun and rng.random() < 0.7 else "the"
    says = [
        f"{owner} {thing} {'are' if thing in ('locks', 'tresses', 'strands') else 'is'} {how}"
        for thing, how in parts.statements
    ]
    return [*says, *parts.free]


def _wall(parts: Parts, rng: Random) -> str:
    colour, noun = parts.wall or ("", "")
    word = rng.choice(BEFORE_WALL)
    if word in ("on", "against", "before", "in front of") and rng.random() < 0.2:
        return f"{word} {colour}"
    plain = f"plain {colour}" if rng.random() < 0.1 else colour
    return f"{word} {article(f'{plain} {noun}')}"


def _bare(item: str, rng: Random) -> str:
    """In lists the article is often left out."""
    return item.split(" ", 1)[1] if item.startswith(("a ", "an ")) and rng.random() < 0.6 else item


def _and(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _joined(pieces: list[str]) -> str:
    """Pieces that begin or end with a comma or a space are set as they are, others get a space."""
    text = pieces[0]
    for piece in pieces[1:]:
        text += piece if piece[0] in ", " or text[-1] == " " else f" {piece}"
    return text.replace(" ,", ",")

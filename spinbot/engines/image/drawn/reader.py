"""Reads a portrait out of ordinary words: a lexicon of phrases, and a rule for which thing a colour belongs to.

A colour belongs to the next thing that is named ("long red hair"), unless a verb or a comma parts them; else to the
thing before ("her hair is green"); else to what the word before it opens: "in green" is clothes, "on green" the wall.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import cast

from spinbot.engines.image.drawn.look import COLOURS, EYES, HAIR_COLOURS, STYLES, Length

_WORD = re.compile(r"[a-z0-9']+|[,.;:]")
_LONGEST = 5
"""Words of the longest phrase."""
_ENDS = {",", ".", ";"}
_REACH = 4
"""Words between a colour and its thing."""
_NEAREST = {
    "hair": {"orange": "red", "yellow": "blond", "beige": "blond", "teal": "blue"},
    "eyes": {"black": "brown", "teal": "blue", "auburn": "brown", "yellow": "brown", "orange": "brown"},
}
"""Colours that hair and eyes do not have, and the nearest that they have."""


_OTHER_LENGTH = {
    ("long_curly", "short"): "short_curly",
    ("short_curly", "long"): "long_curly",
    ("long_straight", "short"): "short",
    ("long_straight", "medium"): "bob",
    ("long_wavy", "short"): "short_curly",
    ("long_wavy", "medium"): "bob",
    ("short", "long"): "long_straight",
}
"""The style that is meant where another length is said beside it."""


@dataclass
class Reading:
    """What a prompt says: fields of `Look`, how long the hair is where no style is named, and words not understood."""

    known: dict[str, str] = field(default_factory=dict)
    length: Length | None = None
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    """A phrase and what it may mean, as (table, value)."""

    start: int
    end: int
    meanings: tuple[tuple[str, str], ...]

    def value(self, table: str) -> str | None:
        return next((value for name, value in self.meanings if name == table), None)


def read(prompt: str) -> Reading:
    """What `prompt` says about a portrait."""
    words = _WORD.findall(prompt.lower().replace("-", " ").replace("’", "'"))
    found = list(_phrases(words))
    reading = Reading()
    for phrase in found:
        for table, value in phrase.meanings:
            if table in ("colour", "noun", "place", "ignored"):
                continue
            if table == "length":
                if _near(words, found, phrase, "hair"):
                    reading.length = cast(Length, value)
            elif table != "hair_colour" or not phrase.value("colour") or _thing(words, found, phrase) in (None, "hair"):
                reading.known[table] = value
    for phrase in found:
        colour = phrase.value("colour")
        style = phrase.value("noun") and colour is not None and colour not in words[phrase.start]
        if colour is None or (style and phrase.end - phrase.start == 1):
            continue
        _paint(reading, _thing(words, found, phrase), phrase, colour)
    _settle(reading)
    read_words = {at for phrase in found for at in range(phrase.start, phrase.end)}
    reading.unread = [word for at, word in enumerate(words) if at not in read_words and len(word) > 2]
    return reading


def _settle(reading: Reading) -> None:
    """Words that say one thing together, and things that are said by other things."""
    known = reading.known
    style = known.get("hair")
    if style and reading.length and STYLES[style].length != reading.length:
        known["hair"] = _OTHER_LENGTH.get((style, reading.length), style)
    if "hair" in known:
        reading.length = None
    if known.get("beard", "none") != "none":
        known.setdefault("sex", "man")
    if known.get("hair") == "braids" or known.get("hat") == "headscarf" or known.get("clothes") == "dress":
        known.setdefault("sex", "woman")
    if known.get("hat") == "chef":
        known.setdefault("clothes_colour", "white")


def _paint(reading: Reading, thing: str | None, phrase: _Found, colour: str) -> None:
    if thing == "beard":
        reading.known.setdefault("hair_colour", _NEAREST["hair"].get(colour, colour))
    elif thing in ("hair", "eyes"):
        names = HAIR_COLOURS if thing == "hair" else EYES
        own = phrase.value("hair_colour") if thing == "hair" else None
        near = own or (colour if colour in names else _NEAREST[thing].get(colour))
        if near in names:
            reading.known["hair_colour" if thing == "hair" else "eyes"] = near
    elif thing in ("clothes", "hat", "background") and colour in COLOURS:
        reading.known["background" if thing == "background" else f"{thing}_colour"] = colour


def _thing(words: list[str], found: list[_Found], colour: _Found) -> str | None:
    """Which noun a colour belongs to; None for none."""
    if own := colour.value("noun"):
        return own
    nouns = [(phrase, noun) for phrase in found if (noun := phrase.value("noun"))]
    before = next(((phrase, noun) for phrase, noun in reversed(nouns) if phrase.end <= colour.start), None)
    things = [(phrase, noun) for phrase, noun in nouns if words[phrase.start] not in _grammar("verbs")]
    after = next(((phrase, noun) for phrase, noun in things if phrase.start >= colour.end), None)
    adjoins = after is not None and after[0].start == colour.end
    if before is not None and not adjoins:
        between = words[before[0].end : colour.start]
        ends = colour.end == len(words) or words[colour.end] in _ENDS
        if not set(between) - _grammar("joining") or (between == [","] and ends):
            return before[1]
    if after is not None:
        between = words[colour.end : after[0].start]
        other = any(phrase.value("colour") for phrase in found if colour.end <= phrase.start < after[0].start)
        if (
            len(between) <= _REACH
            and not _grammar("parting") & set(between)
            and (not other or between[0] in ("and", "or"))
        ):
            return after[1]
    for phrase in reversed(found):
        place = phrase.value("place")
        if place and 0 <= colour.start - phrase.end <= 2:
            return place
    return None


def _near(words: list[str], found: list[_Found], phrase: _Found, thing: str) -> bool:
    if "hair" in " ".join(words[phrase.start : phrase.end]):
        return True
    return any(
        other.value("noun") == thing
        and 0 <= other.start - phrase.end <= _REACH
        and not _grammar("parting") & set(words[phrase.end : other.start])
        for other in found
    )


def _phrases(words: list[str]) -> Iterator[_Found]:
    """The longest phrases of the lexicon, from left to right."""
    table, at = _lexicon(), 0
    while at < len(words):
        for size in range(min(_LONGEST, len(words) - at), 0, -1):
            if meanings := table.get(" ".join(words[at : at + size])):
                yield _Found(at, at + size, meanings)
                at += size
                break
        else:
            at += 1


@cache
def _lexicon() -> dict[str, tuple[tuple[str, str], ...]]:
    meanings: dict[str, list[tuple[str, str]]] = {}
    for table, values in _tables().items():
        if table != "grammar":
            for value, phrases in values.items():
                for phrase in phrases:
                    meanings.setdefault(phrase, []).append((table, value))
    return {phrase: tuple(found) for phrase, found in meanings.items()}


@cache
def _grammar(role: str) -> frozenset[str]:
    return frozenset(_tables()["grammar"][role])


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files(__package__) / "words.toml").read_text("utf-8"))

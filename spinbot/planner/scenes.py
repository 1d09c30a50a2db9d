"""Where a prompt asks for several scenes, and what each is about.

Four ways of saying so are known: numbered scenes (`scene 1: ... scene 2: ...`), lists (`1) ... 2) ...`, lines with
dashes), an order in words (`first ... then ... finally ...`), and a number of scenes with what they are (`three scenes:
a; b; c`). Lists and orders in words may also be the inside of one talk; `sure` tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from spinbot.planner.sheet import QUOTED, TAKEN, Sheet
from spinbot.planner.text import NUMBERS

_COUNTS: dict[str, int] = {word: number for word, number in NUMBERS.items() if number <= 20} | {
    "a couple of": 2,
    "several": 0,
    "some": 0,
}
_COUNT = "|".join([r"\d{1,2}", *_COUNTS])
_UNIT = r"(?:scene|part|chapter|segment|section)"
_NUMBERED = re.compile(
    rf"\b{_UNIT}\s*(?:number |no\.? ?|#)?(?P<n>\d{{1,2}}|{'|'.join(_COUNTS)})\b"
    r"\s*(?:[:.)\u2013\u2014-]|is about|shows|is)?"
)
_LISTED = re.compile(r"(?:^|(?<=[\s,;:.]))\(?(?P<n>\d{1,2})\s?(?:[).:])(?=\s)")
_DASHED = re.compile(r"^[ \t]*[-*\u2022\u2013]\s+", flags=re.M)
_BORDER = rf"(?:^|[.!?:;,\n({TAKEN}]\s*)"
_TELLING = r"(?:(?:show|explain|present|describe|tell|talk about)(?: us| them)? )"
_FIRST = re.compile(
    rf"{_BORDER}(?:(?:it|the video|she|he) )?(?:(?:should|shall|please) )?{_TELLING}?"
    r"(?:first(?:ly)?(?: of all)?|to begin(?: with)?|(?:start|begin|open)(?:s|ing)?(?: off)?(?: with| by)?)\b,?\s*"
)
_NEXT = re.compile(
    rf"(?:{_BORDER}(?:and )?|\band )"
    r"(?:then|next|after (?:that|this)|afterwards|second(?:ly)?|third(?:ly)?|fourth(?:ly)?|finally|last(?:ly)?|"
    r"(?:in|at) the end|at last|(?:to )?(?:end|finish|close)s?(?: up)?(?: with| by)?)\b,?\s*"
)
_ANNOUNCED = re.compile(
    rf"(?<!\bthe )(?<!\ball )(?<!\bof )(?<!\bits )\b(?P<n>{_COUNT}) (?:short |small |little |different )?{_UNIT}s\b"
)


@dataclass(frozen=True)
class Found:
    """Scenes of a prompt, each a pair of places in the plain text; `count` of them were announced, 0 if none was."""

    scenes: list[tuple[int, int]]
    count: int
    sure: bool
    announced: tuple[int, int]
    """Where their number stands; (0, 0) where it is not said."""


def find_scenes(sheet: Sheet) -> Found | None:
    """The scenes of a prompt whose options are struck out; None where it is about one thing."""
    plain = sheet.plain
    announced = _ANNOUNCED.search(plain)
    count, where = (_number(announced["n"]), announced.span()) if announced else (0, (0, 0))
    for pattern, sure in ((_NUMBERED, True), (_LISTED, False)):
        if marks := _counted(pattern, plain):
            return Found(_between(plain, marks), count, sure or announced is not None, where)
    if len(dashes := list(_DASHED.finditer(plain))) >= 2:
        return Found(_between(plain, [m.span() for m in dashes]), count, announced is not None, where)
    if order := _in_order(plain):
        return Found(_between(plain, order), count, announced is not None or len(order) > 2, where)
    return Found(_split(plain, announced.end(), count), count, True, where) if announced else None


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _COUNTS[word]


def _counted(pattern: re.Pattern[str], plain: str) -> list[tuple[int, int]]:
    """Where 1, 2, 3, ... stand, at least two of them, in this order."""
    found: list[tuple[int, int]] = []
    for match in pattern.finditer(plain):
        if _number(match["n"]) == len(found) + 1:
            found.append(match.span())
    return found if len(found) >= 2 else []


def _in_order(plain: str) -> list[tuple[int, int]]:
    first = _FIRST.search(plain)
    if first is None:
        return []
    later = [(match.start(), match.end()) for match in _NEXT.finditer(plain, first.end())]
    return [first.span(), *later] if later else []


def _between(plain: str, marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Scenes that begin behind a mark and end before the next; the last one ends with its line."""
    ends = [start for start, _ in marks[1:]]
    last = marks[-1][1]
    line = plain.find("\n", last)
    ends.append(line if line > 0 and plain[last:line].strip() else len(plain))
    return [(begin, end) for (_, begin), end in zip(marks, ends, strict=True)]


def _split(plain: str, start: int, count: int) -> list[tuple[int, int]]:
    """Split what follows an announcement so that as many scenes come out as were announced; else none."""
    colon = re.compile(r"[^:\n]*?(?::|\n|[\u2013\u2014]| - )\s*").match(plain, start)
    begin = colon.end() if colon else start
    for separator in (r";", r"\n", r"(?<=[.!?])\s", r",", r",? and |,", r" and "):
        scenes = _parts(plain, begin, separator)
        if len(scenes) >= 2 and count in (0, len(scenes)):
            return scenes
    return []


def _parts(plain: str, begin: int, separator: str) -> list[tuple[int, int]]:
    places, at = [], begin
    for match in [*re.compile(separator).finditer(plain, begin), None]:
        end = match.start() if match else len(plain)
        if re.search(rf"[^\W{TAKEN}]|{QUOTED}", plain[at:end]):
            places.append((at, end))
        at = match.end() if match else end
    return places

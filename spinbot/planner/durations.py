"""Lengths in prompts: `20 seconds`, `half a minute`, `1 min 30 s`, each with how it was meant (each scene, in total).

A number of seconds is also part of topics ("why a minute has 60 seconds"), so it counts only at the border of a clause
or behind a word that leads to a length.
"""

from __future__ import annotations

import re

from spinbot.planner.sheet import MARKS, NOUNS, Sheet
from spinbot.planner.text import NUMBER, number_of

_LEADS = (
    "for|of|about|around|approximately|approx|roughly|circa|ca|some|max|maximum|up to|under|below|at most|no more than|"
    "not longer than|exactly|only|lasting|lasts?|takes?|taking|be|than|make it|to|in|(?:length|duration)(?: is)?|with|"
    "say|maybe|perhaps|and|or|a|an|this|my|me|want|need|like|rather|no"
)
_BEFORE = rf"(?:(?:^|(?<=[{MARKS}])|(?<=- ))\s*(?:(?:{_LEADS})[ :]+){{0,4}}|(?:\b(?:{_LEADS})[ :]+){{1,4}})"
_AMOUNT = rf"(?P<amount>\d+(?:[.,]\d+)?|half an?|a quarter of an?|an?|a couple of|{NUMBER})(?P<half> and a half)?"
_UNIT = r"(?P<unit>s|secs?|seconds?|m|mins?|minutes?)(?P<more> and a half| \d+(?: ?s| secs?| seconds?)?)?"
_EACH = r"each|per scene|per part|per segment|a scene|apiece"
_TOTAL = r"in total|in all|total|altogether|overall"
_FOLLOWS = (
    "max|maximum|at most|tops|or so|or less|please|pls|thanks|thank|thx|and|but|with|for|about|on|of|in|explaining|"
    f"explain|showing|that|where|telling|to|is|would|if|why|how|what|who|when|{NOUNS}"
)
_LENGTH = rf"(?:~ ?)?(?<![\w.]){_AMOUNT}[ -]?{_UNIT}(?![\w'])(?: long)?"
_LIKE = (
    "vertical|horizontal|square|portrait|landscape|wide|widescreen|tall|tiktok|youtube|instagram|talking|talking-head|"
    "narrated|spoken|short|little|quick|funny|serious|educational|captioned"
)
_ANYWHERE = re.compile(
    rf"{_LENGTH}(?P<how>)(?:(?<=long)|"
    rf"(?=,? (?:(?:{_LIKE}),? ){{0,3}}(?:video|clip|film|movie|reel|short|speech|recording|message)\b))"
)
_AT_BORDER = re.compile(
    rf"{_BEFORE}{_LENGTH}(?:\s+(?P<how>{_EACH}|{_TOTAL})\b|(?=\s*(?:$|[{MARKS}]|- |(?:{_FOLLOWS})\b)))"
)
_WORDS = {"a": 1.0, "an": 1.0, "half a": 0.5, "half an": 0.5, "a quarter of a": 0.25, "a couple of": 2.0}


def read_durations(sheet: Sheet) -> None:
    """Read lengths as `seconds`, `seconds_each` or `seconds_total`, all in seconds."""

    def read(match: re.Match[str]) -> None:
        how = match["how"] or ""
        name = "seconds_each" if re.fullmatch(_EACH, how) else "seconds_total" if how else "seconds"
        sheet.take(name, _seconds(match), match.start(), match.end())

    sheet.each(_ANYWHERE, read)
    sheet.each(_AT_BORDER, read)


def _seconds(match: re.Match[str]) -> float:
    words, more = match["amount"], match["more"] or ""
    amount = _WORDS[words] if words in _WORDS else number_of(words)
    if match["half"] or more == " and a half":
        amount += 0.5
    if not match["unit"].startswith("m"):
        return amount
    further = re.search(r"\d+", more)
    return 60 * amount + (float(further.group()) if further else 0.0)

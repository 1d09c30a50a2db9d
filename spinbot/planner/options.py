"""What a prompt says of a video's look in so many words: shape, captions, head movement, seed, language.

Words that also belong to topics (portrait painting, the history of subtitles) count only where they stand as an option
does: at the border of a clause, or beside a word such as `video` or `format`. `with captions` means subtitle files,
which can be switched on; only what is said to be burned in becomes part of the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spinbot.planner.sheet import LEFT, MARKS, NOUNS, RIGHT, Sheet


@dataclass(frozen=True)
class Rule:
    """Where `pattern` is found, `field` has the value, or what the function makes of the match."""

    field: str
    pattern: re.Pattern[str]
    value: Any


def _rules(name: str, value: Any, *patterns: str) -> Iterator[Rule]:
    for pattern in patterns:
        yield Rule(name, re.compile(pattern), value)


_SUBS = r"(?:captions?|subtitles?|subtitling|subs)\b"
_BURNED = r"(?:burned|burnt|burn|hard-?coded|baked|embedded|drawn|printed)\b"
_SCREEN = r"(?:the |to the )?(?:video|picture|image|screen|frame|clip)\b"
_INSIDE = rf"(?:part of|inside|into|onto|in|on) {_SCREEN}"
_WITHOUT = (
    r"(?:no|without(?: any)?|skip|leave out|omit|(?:don'?t|do not) (?:want|need|add|put|use|include|show)(?: any)?)"
)
_BE = r"(?:(?:should|must|need to|has to|have to) be |to be |are |is )"

_CAPTIONS = (
    *_rules(
        "captions",
        "none",
        rf"{LEFT}?\b{_WITHOUT}(?: the)? {_SUBS}",
        rf"{LEFT}?\b{_SUBS}(?:\s*[:=]\s*(?:none|no|off)\b| off\b)",
    ),
    *_rules(
        "captions",
        "burn",
        rf"{LEFT}?\b{_BURNED}(?:[ -]in\b)?(?: the| in the)? {_SUBS}(?: {_INSIDE}| in(?=\s*(?:$|[{MARKS}])))?",
        rf"{LEFT}?\b(?:the )?{_SUBS}(?:\s*[:=]\s*| ){_BE}?(?:{_BURNED}(?:[ -]in\b)?(?: {_INSIDE})?|{_INSIDE})",
        r"\bhard ?-?(?:captions|subtitles|subs)\b|\bopen captions\b",
    ),
    *_rules(
        "captions",
        "srt",
        rf"{LEFT}?\b(?:an? |the )?(?:separate|extra|external|soft|additional) {_SUBS}(?: files?\b)?",
        rf"{LEFT}?\b(?:the )?{_SUBS} (?:as |in )?(?:an? )?(?:separate |extra )?(?:srt|vtt|files?)\b(?: files?\b)?",
        rf"{LEFT}?\b{_SUBS}(?:\s*[:=]\s*(?:srt|vtt|yes|on)\b| on(?=\s*(?:$|[{MARKS}])))",
        rf"{LEFT}?\b(?:with|add|include|including|plus)(?: the| some)? {_SUBS}{RIGHT}",
        rf"{LEFT}?\b(?:an? )?(?:srt|vtt) files?\b",
    ),
)

_DIRECT = "vertical(?:ly)?|upright|horizontal(?:ly)?|wide[ -]?screen"
_ANY = f"{_DIRECT}|portrait|landscape|square"
_FORM = r"(?:format|mode|orientation|shape|aspect(?: ratio)?|ratio|version)"
_SHAPES = {"ver": "9:16", "upr": "9:16", "por": "9:16", "squ": "1:1", "hor": "16:9", "lan": "16:9", "wid": "16:9"}


def _shape(match: re.Match[str]) -> str:
    return _SHAPES[match["shape"][:3]]


def _ratio(match: re.Match[str]) -> str:
    return re.sub(r"\s*[:x]\s*", ":", match["ratio"])


_MINE = r"(?:my |our |the |an? )?"
_ASPECT = (
    *_rules(
        "not_aspect",
        _shape,
        rf"{LEFT}?\b(?:not|isn'?t|never|rather than|instead of|no)(?: in| a| be)?(?: the)? (?P<shape>{_ANY})\b"
        rf"(?: (?:{NOUNS})\b)?{RIGHT}",
    ),
    *_rules(
        "aspect",
        _ratio,
        rf"{LEFT}?\b(?:in |as )?(?:{_FORM}\s*[:=]?\s*)?"
        rf"(?<![\d:])(?P<ratio>9\s?[:x]\s?16|16\s?[:x]\s?9|1\s?[:x]\s?1)(?![\d:])(?: {_FORM})?",
    ),
    *_rules(
        "aspect",
        _shape,
        rf"{LEFT}?\b{_FORM}\s*[:=]\s*(?P<shape>{_ANY})\b",
        rf"(?:\bin )?(?:\b(?:an?|the) )?\b(?P<shape>{_ANY})(?:,? |-){_FORM}\b",
        rf"\b(?P<shape>{_ANY})(?=,? (?:{NOUNS})\b)",
        rf"\b(?P<shape>{_DIRECT})(?=\s*[{MARKS}])",
        rf"{LEFT}(?P<shape>{_ANY}){RIGHT}",
    ),
    *_rules(
        "aspect",
        "9:16",
        rf"(?:\bfor {_MINE})?\b(?:instagram|insta|ig|facebook|snapchat|youtube|yt|whatsapp) "
        r"(?:reels?|shorts?|story|stories|status)\b",
        rf"\bfor {_MINE}(?:tiktok|reels|shorts|stories|snapchat|(?:smart|mobile )?phones?)\b",
        rf"\btiktok(?= (?:{NOUNS})\b)",
        rf"(?:{LEFT}|\b(?:an?|my|our) )tiktok{RIGHT}",
    ),
    *_rules(
        "aspect",
        "16:9",
        rf"\bfor {_MINE}(?:youtube|vimeo|tv|television|projector)(?: channel)?\b",
        rf"\b(?:youtube|vimeo)(?= (?:{NOUNS})\b)",
        rf"{LEFT}(?:youtube|vimeo){RIGHT}",
    ),
    *_rules("aspect", "1:1", rf"(?:\bfor {_MINE})?\b(?:instagram|insta|ig) posts?\b"),
)

_HEAD = r"(?:the|her|his|your) head"
_SWAY = (
    *_rules("sway", lambda match: float(match["n"]), rf"{LEFT}?\bsway\s*(?:[:=]|of)?\s*(?P<n>\d(?:\.\d+)?)\b"),
    *_rules(
        "sway",
        0.0,
        rf"{LEFT}?\bkeep {_HEAD} (?:perfectly |very |quite )?still\b",
        rf"{LEFT}?\b(?:no head movements?|(?:the )?head (?:is |kept )?still|an? still head)\b",
        rf"{LEFT}?\b(?:without (?:any )?head movements?|(?:without moving|don'?t move|do not move) {_HEAD})\b",
    ),
    *_rules(
        "sway",
        2.0,
        rf"{LEFT}?\b(?:an? )?(?:lots?|plenty) of (?:head )?movements?\b|{LEFT}?\bmove {_HEAD} (?:a lot|much)\b",
        rf"{LEFT}?\b(?:much|strong|lively|big) head movements?\b",
        rf"\bsomething (?:very )?lively\b|\b(?:very )?lively(?= (?:{NOUNS}|presenter|speaker|head)\b)",
    ),
    *_rules("sway", 1.0, rf"{LEFT}?\b(?:an? )?(?:slight|little|gentle) head movements?\b"),
)

_SEED = _rules(
    "seed",
    lambda match: int(match["n"]),
    rf"{LEFT}?\b(?:an? |the )?(?:random )?seed(?: number| value)?\s*(?:[:=]|of|is)?\s*(?P<n>\d{{1,9}})\b",
)
RULES = (*_CAPTIONS, *_ASPECT, *_SWAY, *_SEED)

_LANGUAGES = (
    "arabic|chinese|czech|danish|dutch|finnish|french|german|greek|hebrew|hindi|hungarian|italian|japanese|korean|"
    "mandarin|norwegian|polish|portuguese|romanian|russian|spanish|swedish|thai|turkish|ukrainian|vietnamese"
)
_LANGUAGE = re.compile(
    rf"(?:\b(?P<subs>{_SUBS}) )?\bin (?P<in>{_LANGUAGES})\b{RIGHT}"
    rf"|{LEFT}?\b(?P<of>{_LANGUAGES}) (?:(?P<subs2>{_SUBS})|speech\b|voice\b|language\b)"
)


def read_options(sheet: Sheet) -> None:
    """Read `captions`, `aspect`, `not_aspect`, `sway` and `seed`; a language that is not English becomes a note."""

    def read(match: re.Match[str]) -> None:
        if sheet.in_topic(match.start()):
            return
        value = rule.value(match) if callable(rule.value) else rule.value
        sheet.take(rule.field, value, match.start(), match.end())

    def read_language(match: re.Match[str]) -> None:
        language = (match["in"] or match["of"]).capitalize()
        what = "captions" if match["subs"] or match["subs2"] else "speech"
        sheet.note(f"{what} in {language} cannot be made: speech and captions are in English")
        sheet.take("", None, match.start(), match.end())

    sheet.each(_LANGUAGE, read_language)
    for rule in RULES:
        sheet.each(rule.pattern, read)

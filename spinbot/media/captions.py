"""Captions from word times: cues with sensible breaks, as SRT, WebVTT, or styled for burning in (ASS).

Limits follow common broadcast practice (the Netflix "Timed Text Style Guide" for English and the BBC "Subtitle
Guidelines"): two lines, 42 characters a line, 20 characters a second, no break after an article or preposition.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from spinbot.media.timing import Word
from spinbot.media.words import ends_sentence

FONTS = Path(__file__).parent / "fonts"
"""Folder of the font that burnt-in captions use: Inter Bold, SIL Open Font License."""

MAX_CHARS = 42

_FONT = "Inter 24pt"  # the family name inside the file
_LINE = 1.43  # ASS sizes are line heights: ascent and descent of that font in ems
_ADVANCE = 0.55  # width of a character in ems: the mean of English text is 0.5
_MIN_SECONDS = 1.0
_CPS = 20.0  # readable characters per second
_HOLD = 0.4  # seconds that a cue stays after its last word where nothing follows
_CLOSE = 0.6  # shorter gaps between cues are closed, so that captions do not flicker
_PAUSE = 1.0  # a silence this long always ends a cue

_LEADING = """
a an the my your his our their this that these those of to in on at by for with from into as and or but nor so if than
is are was were be been am have has had do does did will would can could should may might must not no very more most
who which what when where while because i you he she we they mr mrs ms dr
"""
_CLINGS = frozenset(_LEADING.split())
"""Words that belong to the one after them: a line does not end on one."""


@dataclass(frozen=True)
class Cue:
    """One caption: its lines of words, shown from `start` to `end` seconds."""

    start: float
    end: float
    lines: tuple[tuple[Word, ...], ...]

    @property
    def text(self) -> str:
        """The lines, joined by newlines."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


def cues(
    words: Sequence[Word], *, max_chars: int = MAX_CHARS, max_lines: int = 2, max_seconds: float = 6.0
) -> list[Cue]:
    """Group words into cues that read well, in order and without overlaps.

    Of all ways to cut, the cheapest is taken (dynamic programming): cuts after a sentence are free, after a clause
    cheap, after an article dear; cues that flash by or hold one word cost. No line is longer than `max_chars`, no
    cue longer than `max_lines` lines or, from first to last word, `max_seconds`. Short gaps are closed.
    """
    words = _clean(words, max_chars)
    best: list[tuple[float, int]] = [(0.0, 0)]  # cost of words[:i], and where its last cue starts
    for end in range(1, len(words) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            group = words[start:end]
            fits = _wrap(group, max_chars, max_lines) and group[-1].end - group[0].start <= max_seconds
            pause = len(group) > 1 and group[1].start - group[0].end >= _PAUSE
            if len(group) > 1 and (pause or not fits):
                break
            after = words[end] if end < len(words) else None
            options.append((best[start][0] + _cue_cost(group, after, max_chars), start))
        best.append(min(options))
    cuts = [len(words)]
    while cuts[-1] > 0:
        cuts.append(best[cuts[-1]][1])
    groups = [words[start:end] for end, start in pairwise(cuts)][::-1]
    return [
        Cue(group[0].start, _end(group, groups[i + 1][0].start if i + 1 < len(groups) else math.inf), lines)
        for i, group in enumerate(groups)
        if (lines := _wrap(group, max_chars, max_lines))
    ]


def _clean(words: Sequence[Word], max_chars: int) -> list[Word]:
    """One token a word, none longer than a line, times that never run backwards."""
    clean: list[Word] = []
    for word in sorted(words, key=lambda word: word.start):
        parts = [token[i : i + max_chars] for token in word.text.split() for i in range(0, len(token), max_chars)]
        for i, part in enumerate(parts):
            length = max(0.0, word.end - word.start)
            start = max(word.start + length * i / len(parts), clean[-1].start if clean else 0.0)
            clean.append(Word(text=part, start=start, end=max(start, word.start + length * (i + 1) / len(parts))))
    return clean


def _break_cost(word: Word, after: Word) -> float:
    """How much a reader minds a break between two words."""
    last = word.text.rstrip("\"')]”’»")[-1:]
    if ends_sentence(word.text, after.text):
        return 0.0
    if last in ",;:—–":
        return 1.0
    if last == "." or word.text.lower().strip("\"'([“‘«") in _CLINGS:  # "Dr." belongs to the name behind it
        return 6.0
    return 2.0 if after.text.lower() in _CLINGS else 3.5


def _cue_cost(group: Sequence[Word], after: Word | None, max_chars: int) -> float:
    cost = 1.0  # each cue is one more thing to read: of two equal ways the one with fewer cues
    if after is not None:
        cost += max(0.0, _break_cost(group[-1], after) - 4 * max(0.0, after.start - group[-1].end))
        if after.start - group[0].start < _MIN_SECONDS:
            cost += 4.0
    # Two whole short sentences may share a cue; one and the torn-off head of the next should not.
    whole = after is None or _break_cost(group[-1], after) == 0.0
    cost += sum(1.0 if whole else 4.0 for word, right in pairwise(group) if _break_cost(word, right) == 0.0)
    chars = sum(len(word.text) + 1 for word in group)
    return cost + (3.0 if len(group) == 1 and chars < max_chars / 2 else 0.0)


def _wrap(group: Sequence[Word], max_chars: int, max_lines: int) -> tuple[tuple[Word, ...], ...]:
    """The best way to set `group` in lines of `max_chars`; empty when it does not fit."""
    if _chars(group) <= max_chars:
        return (tuple(group),)
    if max_lines == 1:
        return ()
    options = []
    for cut in range(1, len(group)):
        if _chars(group[:cut]) > max_chars:
            break
        if rest := _wrap(group[cut:], max_chars, max_lines - 1):
            ragged = abs(_chars(group[:cut]) - _chars(rest[0])) / max_chars
            options.append((_break_cost(group[cut - 1], group[cut]) + 6 * ragged, (tuple(group[:cut]), *rest)))
    return min(options, key=lambda option: option[0])[1] if options else ()


def _chars(group: Sequence[Word]) -> int:
    return sum(len(word.text) + 1 for word in group) - 1


def _end(group: Sequence[Word], following: float) -> float:
    """When a cue goes: late enough to be read, never after the next one comes."""
    spoken = group[-1].end
    wanted = max(spoken + _HOLD, group[0].start + max(_MIN_SECONDS, _chars(group) / _CPS))
    return following if following - spoken < _CLOSE else min(wanted, following)


def to_srt(captions: Sequence[Cue]) -> str:
    """SubRip text."""
    blocks = (
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text.replace('-->', '→')}\n"
        for number, cue in enumerate(captions, 1)
    )
    return "\n".join(blocks)


def to_vtt(captions: Sequence[Cue]) -> str:
    """WebVTT text (W3C, "WebVTT: The Web Video Text Tracks Format")."""
    blocks = (
        f"\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{html.escape(cue.text, quote=False)}\n"
        for cue in captions
    )
    return "WEBVTT\n" + "".join(blocks)


def _clock(seconds: float, point: str) -> str:
    minutes, ms = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"


@dataclass(frozen=True)
class Style:
    """How burnt-in captions look. Colours are RRGGBB."""

    colour: str = "FFFFFF"
    outline: str = "101010"
    highlight: str = ""
    """Colour of the word being spoken; empty for none."""


def em(size: tuple[int, int]) -> float:
    """Size of burnt-in type in pixels for a frame of `size` (width, height): legible on a phone."""
    width, height = size
    return min(0.066 * width, 0.056 * height)


def line_chars(size: tuple[int, int]) -> int:
    """`max_chars` for captions burnt into frames of `size` (width, height)."""
    return min(MAX_CHARS, int(0.84 * size[0] / (_ADVANCE * em(size))))


def to_ass(captions: Sequence[Cue], size: tuple[int, int], style: Style | None = None) -> str:
    """Advanced SubStation Alpha for frames of `size` (width, height), centred in the lower third.

    Upright frames keep a wider margin below, where phones lay their buttons over a video.
    """
    width, height = size
    style = style or Style()
    type_size = em(size)
    below = round(height * (0.16 if height > width else 0.07))
    lines = [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {width}",
        f"PlayResY: {height}",
        "ScaledBorderAndShadow: yes",
        "WrapStyle: 0",
        "YCbCr Matrix: TV.709",
        "",
        "[V4+ Styles]",
        "Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, Bold, BorderStyle, Outline, "
        "Shadow, Alignment, MarginL, MarginR, MarginV, Encoding",
        f"Style: Caption,{_FONT},{type_size * _LINE:.1f},{_bgr(style.colour)},{_bgr(style.outline)},&H90000000,-1,1,"
        f"{type_size * 0.085:.1f},{type_size * 0.05:.1f},2,{width // 16},{width // 16},{below},1",
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Text",
        *(f"Dialogue: 0,{_centi(cue.start)},{_centi(cue.end)},Caption,{_ass_text(cue, style)}" for cue in captions),
        "",
    ]
    return "\n".join(lines)


def _ass_text(cue: Cue, style: Style) -> str:
    return r"\N".join(" ".join(_ass_word(word, cue.start, style) for word in line) for line in cue.lines)


def _ass_word(word: Word, start: float, style: Style) -> str:
    # A word joiner keeps a backslash from starting an escape; braces have escapes of their own.
    text = word.text.replace("\\", "\\\u2060").replace("{", r"\{").replace("}", r"\}")
    if not style.highlight:
        return text
    on, off = round((word.start - start) * 1000), round((word.end - start) * 1000)
    return (
        rf"{{\1c{_bgr(style.colour)}\t({on},{on + 1},\1c{_bgr(style.highlight)})"
        rf"\t({off},{off + 1},\1c{_bgr(style.colour)})}}{text}"
    )


def _bgr(colour: str) -> str:
    return f"&H00{colour[4:6]}{colour[2:4]}{colour[0:2]}&".upper()


def _centi(seconds: float) -> str:
    minutes, centi = divmod(round(seconds * 100), 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{centi // 100:02}.{centi % 100:02}"

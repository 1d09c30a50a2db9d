"""Which voice and which engines a prompt asks for, out of those of the manifest.

A name counts beside a word of its kind (`voice kumo`, `joe's voice`, `use piper`), since `joe` is a word of topics too;
a full name such as `stock:kumo` counts anywhere. A voice may also be described: `a calm male voice`. Where several fit
equally well they are all given, for somebody else to choose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spinbot.planner.manifest import EngineEntry, Manifest, VoiceEntry
from spinbot.planner.sheet import LEFT, MARKS, Sheet

_GENDERS = {
    "female": ("woman", "lady", "girl", "feminine"),
    "male": ("man", "guy", "boy", "gentleman", "masculine"),
}
_LIKE = {
    "low": ("deep", "dark"),
    "warm": ("soft", "gentle", "kind", "friendly"),
    "brisk": ("quick", "fast", "energetic", "lively"),
    "bright": ("cheerful", "happy"),
    "clearest": ("clear",),
    "calm": ("relaxed", "quiet"),
    "slow": ("unhurried",),
    "even": ("neutral",),
}
"""Words for a voice that the descriptions put differently."""
_TRAITS = {word: trait for trait, words in (_GENDERS | _LIKE).items() for word in words}
_SPEAKING = (
    r"(?:speaks|says|reads|narrates|talks|is speaking|is talking|should (?:speak|read|talk)|"
    r"as (?:the )?(?:voice|narrator|speaker))\b"
)
_USE = r"(?:use|using|with|via|by|try)(?: the)?"
_ENGINE = r"(?:engine|model|tts)"
_NAME = r"(?P<name>(?!(?:an?|my|this|that|your|our|his|her)\b)[a-z][\w.+-]+)"
_UNKNOWN = (
    re.compile(rf"{LEFT}?\b{_USE} {_NAME} {_ENGINE}\b(?: (?:to|for)\b)?"),
    re.compile(rf"{LEFT}?\b{_USE} {_NAME} (?:to|for)(?= (?:speak|narrat|read aloud|the (?:voice|speech)\b))"),
)


def read_engines(sheet: Sheet, manifest: Manifest) -> None:
    """Read `engine`, a pair of slot and name. One that is not there or cannot run becomes a note."""
    for slot, entry in manifest.slots.items():
        for engine in entry.engines:

            def read(match: re.Match[str], slot: str = slot, engine: EngineEntry = engine) -> None:
                if not engine.available:
                    missing = ", ".join(engine.missing)
                    sheet.note(f"the engine {engine.name} cannot run: {missing} is not installed")
                sheet.take("engine" if engine.available else "", (slot, engine.name), match.start(), match.end())

            sheet.each(_engine_pattern(slot, engine.name), read)

    def read_unknown(match: re.Match[str]) -> None:
        known = ", ".join(name for entry in manifest.slots.values() for name in entry.available())
        sheet.note(f"there is no engine {match['name']!r}; there are: {known}")
        sheet.take("", None, match.start(), match.end())

    for pattern in _UNKNOWN:
        sheet.each(pattern, read_unknown)


def _engine_pattern(slot: str, engine: str) -> re.Pattern[str]:
    name = rf"{re.escape(engine)}(?![\w.-]*\w)"
    behind = rf"(?: (?:{_ENGINE}\b|speech\b|(?:as|for) (?:the )?(?:{_ENGINE}|voice|speech)\b))?"
    return re.compile(
        rf"{LEFT}?\b{_USE}(?: {_ENGINE})? {name}{behind}"
        rf"|{LEFT}?\b(?:{_ENGINE}|{slot})\s*[:=]?\s*{name}|{LEFT}?\b{name} {_ENGINE}\b"
    )


def read_voices(sheet: Sheet, manifest: Manifest) -> None:
    """Read `voice`, the entries of the manifest that fit; one of another engine stands for that engine too."""
    for voice in manifest.voices:

        def read(match: re.Match[str], voice: VoiceEntry = voice) -> None:
            sheet.take("voice", [voice], match.start(), match.end())

        sheet.each(_voice_pattern(voice.name), read)
    sheet.each(re.compile(r"\bvoice\b"), lambda match: _read_description(sheet, manifest.voices, match))


def _voice_pattern(name: str) -> re.Pattern[str]:
    family, _, last = name.rpartition(":")
    kind, short = r"(?:the |an? )?(?:voice|speaker|narrator)", re.escape(last)
    ways = [
        rf"{LEFT}?\b{kind}\s*(?:[:=]|of|is|called|named|from)?\s*{short}\b(?!')",
        rf"{LEFT}?\b{short}(?:'s)? voice\b",
        rf"{LEFT}?\b(?:spoken|read|narrated|said|voiced) by {short}\b",
        rf"{LEFT}?\b(?:let |have )?{short}(?= {_SPEAKING})",
        rf"\b(?:let|have) {short}(?= (?:speak|talk|read|say)\b)",
        rf"\buse {short}\b",
    ]
    if family:
        ways.insert(0, rf"{LEFT}?\b(?:{kind}\s*(?:[:=]|of|is)?\s*)?{re.escape(name)}\b(?: voice\b)?")
    return re.compile("|".join(ways))


_BEHIND = re.compile(r"(?:,? (?:and )?|, ?)(?:very |rather |quite )?([\w']+)")
_BEFORE = re.compile(r"([\w']+)(?: |, ?)$")
_STANDS_FREE = re.compile(rf"(?:^|[{MARKS}]|- |\b(?:with|in|by|using|use|and|want|need|please))\s*$")


def _read_description(sheet: Sheet, voices: Sequence[VoiceEntry], match: re.Match[str]) -> None:
    """Read the words before `voice`, and those behind it that go on describing."""
    described: list[str] = []
    start, end = match.span()
    while word := _BEFORE.search(sheet.plain[:start]):
        known = _trait(word[1], voices)
        if known is None and word[1] not in ("a", "an", "the", "and", "very", "rather", "quite"):
            break
        described += [known] if known else []
        start = word.start()
    while (word := _BEHIND.match(sheet.plain, end)) and (known := _trait(word[1], voices)):
        described.append(known)
        end = word.end()
    if not described or not _STANDS_FREE.search(sheet.plain[:start]):
        return
    scores = [_fit(voice, described) for voice in voices]
    if (best := max(scores)) > 0:
        fitting = [voice for voice, score in zip(voices, scores, strict=True) if score == best]
        sheet.take("voice", fitting, start, end)


def _trait(word: str, voices: Sequence[VoiceEntry]) -> str | None:
    """The word of the descriptions that `word` stands for."""
    bare = word.removesuffix("'s")
    trait = _TRAITS.get(bare, bare)
    return trait if any(trait in _words(voice) for voice in voices) else None


def _fit(voice: VoiceEntry, described: Sequence[str]) -> int:
    """How many of the traits a voice has; the wrong gender is no fit at all."""
    words = _words(voice)
    wrong = {"male", "female"} & set(described) - words
    return 0 if wrong else sum(trait in words for trait in described)


def _words(voice: VoiceEntry) -> set[str]:
    return set(re.findall(r"\w+", voice.description))

"""Reads a prompt: what it says in so many words is settled here, by rules; what is left over is for the model.

Settled: quoted or announced scripts, length, shape, captions, voice and engine by name or description, head movement,
seed, whether only sound is wanted, and scenes that are numbered, listed, or put in an order. Left over: the pieces of
the prompt that hold the topic, and whether what looks like scenes is meant as scenes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from spinbot.errors import InputError
from spinbot.planner.durations import read_durations
from spinbot.planner.grammar import Piece
from spinbot.planner.manifest import Manifest
from spinbot.planner.options import read_options
from spinbot.planner.pieces import pieces_of, scene_topic
from spinbot.planner.scenes import Found, find_scenes
from spinbot.planner.sheet import MARKS, QUOTED, TAKEN, Mention, Sheet
from spinbot.planner.text import prepare
from spinbot.planner.voices import read_engines, read_voices

MOST = 2000
"""Characters of a prompt besides its quotations: reading takes time that grows with their square, 0.2 s for so many."""
TRAILING = 5
"""Sentences behind a script that may say how the video is to be made."""
TRAILING_LENGTH = 200
"""Characters of them all."""

_QUOTE = re.compile(r'"[^"\n]{2,}"|(?<!\w)\'[^\'\n]{2,}\'(?!\w)')
_SAYING = r"(?:say(?:s|ing)?|read(?:s|ing)?|speak(?:s|ing)?|recite[sd]?|with the words|script|narration|text)"
_SAID_QUOTED = re.compile(rf"\b{_SAYING}\b[^{MARKS}]{{0,40}}:?\s*(?P<quote>{QUOTED})")
_SAID_OPENLY = re.compile(rf"\b{_SAYING}\b[^:.!?\n{TAKEN}{QUOTED}]{{0,60}}:\s*(?=[^\s{QUOTED}])")
_SOUND_ONLY = re.compile(
    r"\b(?:audio|sound|voice) only\b|\b(?:only|just) (?:need |want )?(?:the |an? |some )?(?:audio|sound)\b"
    r"|\b(?:no|without(?: any| an?)?) (?:picture|video|image|visual)s?\b|\bmp3\b(?: style)?|\bvoice-? ?over\b"
    r"|\b(?:audio|sound) (?:file|recording|track)\b"
)
_PICTURE = re.compile(r"\b(?:videos?|clips?|films?|movies?|reels?|tiktok|youtube|presenter|on (?:camera|screen))\b")
_SOUND = re.compile(
    r"\b(?:audio\w*|sounds?|voice|listen\w*|hear\w*|record\w*|radio|podcasts?|(?:tele)?phones?|answering machine|"
    r"hotline|loudspeakers?|speakers|aloud|spoken|mp3|announcements?|songs?|jingles?|ringtones?)\b"
)
_TOPIC_BEGINS = re.compile(r"\b(?:about|how|why|what|of|on|explain\w*)\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")


@dataclass(frozen=True)
class Asked:
    """The value of an option and the words of the prompt that ask for it."""

    value: Any
    words: str


@dataclass(frozen=True)
class SceneRead:
    """One scene: what is said in it word for word, or else what it is about, as the prompt puts it."""

    script: str
    topic: str
    seconds: float | None


@dataclass
class Reading:
    """What a prompt says. `pieces` hold the topic where there is no script."""

    asked: dict[str, Asked] = field(default_factory=dict)
    script: str = ""
    pieces: list[Piece] = field(default_factory=list)
    scenes: list[SceneRead] = field(default_factory=list)
    scene_count: int = 0
    """How many scenes are asked for; more than `scenes` where the prompt does not say what each is about."""
    scenes_sure: bool = False
    """Whether several scenes are asked for in so many words."""
    sound_only: str = ""
    """The words that ask for sound without a picture."""
    wants_picture: bool = False
    """Whether it speaks of a video."""
    speaks_of_sound: bool = False
    """Whether it has a word for sound or hearing, which may be its topic, or mean that only sound is wanted."""
    notes: list[str] = field(default_factory=list)


def read(prompt: str, manifest: Manifest) -> Reading:
    """Read a prompt against what there is. Raises `InputError` where it is too long."""
    text = prepare(prompt)
    sheet = Sheet(text, text.plain)
    for quote in reversed(list(_QUOTE.finditer(text.plain))):
        sheet.fold(*quote.span())
    _fold_script(sheet, manifest)
    if len(sheet.plain) > MOST:
        raise InputError(
            f"the prompt has {len(sheet.plain):,} characters besides what is to be said; the limit is {MOST:,}",
            hint='put what is to be said word for word behind "say:", or in quotation marks',
            code="prompt_too_long",
        )
    _read_all_options(sheet, manifest)
    _read_quoted_scripts(sheet)
    reading = Reading(notes=sheet.notes)
    _read_sound_only(sheet, reading)
    _settle(sheet, reading)
    found = find_scenes(sheet)
    scripts = [mention for mention in sheet.mentions if mention.field == "script"]
    if found is None and len(scripts) == 1:
        reading.script = scripts[0].value
    elif found is None and len(scripts) > 1:  # each quotation is a scene of its own
        found = Found([(mention.start, mention.end) for mention in scripts], 0, True, (0, 0))
    if found is not None:
        _read_scenes(sheet, found, reading)
        sheet.strike(*found.announced)
    reading.pieces = pieces_of(sheet, 0, len(sheet.plain))
    reading.wants_picture = bool(_PICTURE.search(sheet.plain))
    reading.speaks_of_sound = bool(_SOUND.search(sheet.plain))
    return reading


def _read_all_options(sheet: Sheet, manifest: Manifest) -> None:
    read_engines(sheet, manifest)
    read_voices(sheet, manifest)
    read_durations(sheet)
    read_options(sheet)


def _fold_script(sheet: Sheet, manifest: Manifest) -> None:
    """Take what follows `say:` to the end, but for sentences behind it that say how the video is to be made."""
    match = _SAID_OPENLY.search(sheet.plain)
    if match is None:
        return
    start, end = match.end(), len(sheet.plain)
    for border in reversed(list(_SENTENCE.finditer(sheet.plain, start))[-TRAILING:]):
        if len(sheet.plain) - border.end() > TRAILING_LENGTH or not _only_options(
            sheet.text.words(border.end(), end), manifest
        ):
            break
        end = border.start()
    script = sheet.text.words(start, end)
    sheet.fold(start, end)
    sheet.take("script", script, start, start + 1)


def _read_quoted_scripts(sheet: Sheet) -> None:
    """Take quotations behind a word for saying."""

    def read_quoted(match: re.Match[str]) -> None:
        start, end = match.span("quote")
        sheet.take("script", sheet.text.words(start, end)[1:-1].strip(), start, end)

    sheet.each(_SAID_QUOTED, read_quoted)


def _only_options(words: str, manifest: Manifest) -> bool:
    """Whether a sentence behind a script says nothing but how it is to be made."""
    text = prepare(words)
    sheet = Sheet(text, text.plain)
    _read_all_options(sheet, manifest)
    return bool(sheet.mentions) and not pieces_of(sheet, 0, len(sheet.plain))


def _read_sound_only(sheet: Sheet, reading: Reading) -> None:
    def read_cue(match: re.Match[str]) -> None:
        clause = re.split(rf"[{MARKS}]", sheet.plain[: match.start()])[-1]
        if not _TOPIC_BEGINS.search(clause):  # a video about voice-over artists has a picture
            reading.sound_only = sheet.text.words(*match.span())
            sheet.take("", None, *match.span())

    sheet.each(_SOUND_ONLY, read_cue)


def _settle(sheet: Sheet, reading: Reading) -> None:
    """Of options that were named twice the last one counts."""
    excluded = [mention for mention in sheet.mentions if mention.field == "not_aspect"]
    for mention in sorted(sheet.mentions, key=lambda mention: mention.start):
        if mention.field in ("script", "not_aspect"):
            continue
        name, value = mention.field, mention.value
        if name == "engine":
            name, value = f"engine.{value[0]}", value[1]
        if name == "aspect" and any(value == other.value and other.start <= mention.start for other in excluded):
            continue
        asked = Asked(value, sheet.text.words(mention.start, mention.end).strip(" ,.;:/()-"))
        before = reading.asked.get(name)
        if before is not None and before.value != value:
            reading.notes.append(f"both {before.words!r} and {asked.words!r} are asked for; the latter counts")
        reading.asked[name] = asked
    for mention in excluded:
        if "aspect" not in reading.asked:
            words = sheet.text.words(mention.start, mention.end).strip(" ,.;:/()-")
            reading.notes.append(f"{words!r}: no other shape is asked for, so the video has the default's")


def _read_scenes(sheet: Sheet, found: Found, reading: Reading) -> None:
    for start, end in found.scenes:
        inside = [mention for mention in sheet.mentions if start <= mention.start and mention.end <= end]
        script = next((mention.value for mention in inside if mention.field == "script"), "")
        if sheet.plain[start:end].strip(" .,;:\n") == QUOTED:  # nothing but a quotation
            quote = sheet.plain.index(QUOTED, start)
            script = sheet.text.words(quote, quote + 1)[1:-1].strip()
        reading.scenes.append(SceneRead(script, "" if script else scene_topic(sheet, start, end), _seconds(inside)))
    if sum(scene.seconds is not None for scene in reading.scenes) == 1:  # said once, it is the length of the whole
        reading.scenes = [replace(scene, seconds=None) for scene in reading.scenes]
    described = [scene for scene in reading.scenes if scene.script or scene.topic]
    reading.scenes = described if len(described) > 1 else []
    reading.scene_count = max(found.count, len(reading.scenes))
    reading.scenes_sure = found.sure
    if any(scene.seconds for scene in reading.scenes):
        reading.asked.pop("seconds", None)


def _seconds(inside: list[Mention]) -> float | None:
    return next((mention.value for mention in inside if mention.field == "seconds"), None)

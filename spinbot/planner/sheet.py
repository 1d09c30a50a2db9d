"""A prompt on the desk: what was read of it is struck out, so that what is read later sees a border there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from spinbot.planner.text import Text

TAKEN = "\x01"
"""Stands for each character of what was read."""
QUOTED = "\x02"
"""Stands for a whole quotation: what is said in it is not said to the planner."""

MARKS = rf",.;:/()!?\n\u2013\u2014{TAKEN}{QUOTED}"
"""Characters that end a clause, for use inside `[]`."""
NOUNS = (
    "video|videos|clip|film|movie|short|reel|version|format|mode|orientation|shape|aspect|ratio|picture|style|size|"
    "presentation|introduction|intro|speech|talk|message|recording|segment|piece|thing|one"
)
"""What an option may be said of."""
_LEADS = (
    "and|but|or|so|also|please|pls|just|with|in|as|make it|make that|make this|it should be|should be|must be|it is|"
    "it's|i want it|i need it|have it|keep it|set|use|to|for|at"
)
_FOLLOWS = (
    "please|pls|thanks|thank|thx|and|but|with|for|about|on|of|in|explaining|explain|showing|that|where|telling|to|is|would|if|"
    f"why|how|what|who|when|{NOUNS}"
)
LEFT = rf"(?:(?:^|(?<=[{MARKS}])|(?<=- ))\s*(?:(?:{_LEADS})\s+){{0,4}}|(?:\b(?:{_LEADS})\s+){{1,4}})"
"""The border before an option, with the words that lead to it."""
RIGHT = rf"(?=\s*(?:$|[{MARKS}]|- |(?:{_FOLLOWS})\b))"
"""The border behind an option; what stands there is not part of it."""
_TOPIC_LEADS = re.compile(r"\b(?:of|about|between|how|why|what|are|like|than)\s*$")


@dataclass(frozen=True)
class Mention:
    """An option that a prompt names; `start` and `end` are places in the plain text."""

    field: str
    value: Any
    start: int
    end: int


@dataclass
class Sheet:
    """A text while it is being read: `plain` loses what was read, `mentions` and `notes` gain."""

    text: Text
    plain: str
    mentions: list[Mention] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, name: str, value: Any, start: int, end: int) -> None:
        """Record an option and strike out where it stands. No name: nothing but struck out."""
        if name:
            self.mentions.append(Mention(name, value, start, end))
        self.strike(start, end)

    def strike(self, start: int, end: int) -> None:
        """Put a mark in the place of each character."""
        self.plain = self.plain[:start] + TAKEN * (end - start) + self.plain[end:]

    def fold(self, start: int, end: int) -> None:
        """Put one mark in the place of a whole quotation. Places behind it move, so this comes before all reading."""
        where = self.text.where
        self.text = replace(self.text, where=(*where[: start + 1], *where[end:]))
        self.plain = self.plain[:start] + QUOTED + self.plain[end:]

    def note(self, note: str) -> None:
        """Add something that the user should know, once."""
        if note not in self.notes:
            self.notes.append(note)

    def in_topic(self, start: int) -> bool:
        """Whether the words before a place make what follows part of a topic: `about ...`, `the history of ...`."""
        return _TOPIC_LEADS.search(self.plain[:start]) is not None

    def each(self, pattern: re.Pattern[str], read: Callable[[re.Match[str]], None]) -> None:
        """Call `read` for every match, from left to right; it may strike out what it matched."""
        at = 0
        while match := pattern.search(self.plain, at):
            read(match)
            at = max(match.end(), at + 1)

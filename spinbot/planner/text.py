"""A prompt prepared for reading: one line of lower-case text with misspelt option words put right, and the way back.

What is read is matched on `plain`; what is taken over word for word comes from `original`.
"""

from __future__ import annotations

import re
import string
import unicodedata
from dataclasses import dataclass
from functools import cache

from spinbot.media.numbers import cardinal

OPTION_WORDS = (
    "vertical", "horizontal", "landscape", "widescreen", "square", "caption", "captions", "subtitle", "subtitles",
    "burned", "second", "seconds", "minute", "minutes", "without", "video",
)  # fmt: skip
"""Words that are understood with one letter wrong, missing or too many, or two neighbours swapped."""
LOOK_ALIKES = frozenset([
    "landscaped", "landscaper", "landscapes", "squared", "squares", "squire", "cautions", "cation", "caution",
    "subtitled", "buried", "burner", "burnt", "turned", "burne", "burnes", "burnet", "burney", "burnsed", "minuet",
    "minuses", "vide", "videos", "secord", "hideo",
])  # fmt: skip
"""English words, by the lexicon of gruut-lang-en, that lie one letter from one of those; they mean themselves."""

NUMBERS = {" ".join(cardinal(n)): n for n in range(1, 181)}
NUMBER = "(?:" + "|".join(sorted((re.escape(words).replace(r"\ ", "[ -]") for words in NUMBERS), key=len)[::-1]) + ")"
"""Pattern of a number from 1 to 180 in words."""

_STRAIGHT = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x201E: '"', 0xAB: '"', 0xBB: '"', 0x2026: "."}


@dataclass(frozen=True)
class Text:
    """A prompt. `where[i]` is the place in `original` of character i of `plain`, with one more for the end."""

    original: str
    plain: str
    where: tuple[int, ...]

    def words(self, start: int, end: int) -> str:
        """What stands in the original from `start` to `end` of the plain text, without blanks around it."""
        return self.original[self.where[start] : self.where[end]].strip()


def prepare(prompt: str) -> Text:
    """The text of a prompt: composed characters, straight quotes, single blanks; line breaks stay."""
    original = unicodedata.normalize("NFC", prompt).translate(_STRAIGHT)
    original = re.sub(r"[^\S\n]+", " ", "".join(c for c in original if c == "\n" or c.isprintable() or c.isspace()))
    original = re.sub(r" ?\n[\n ]*", "\n", original).strip()
    plain: list[str] = []
    where: list[int] = []
    for match in re.finditer(r"[^\W\d_]+|.", original, flags=re.S):
        word = match.group()
        right = _right_spelling().get(word.lower(), word.lower())
        if len(word.lower()) != len(word) and right == word.lower():  # letters whose lower case is two
            right = word
        plain.append(right)
        where += [match.start() + min(i, len(word) - 1) for i in range(len(right))]
    return Text(original, "".join(plain), (*where, len(original)))


def number_of(words: str) -> float:
    """The number that digits or words such as `forty-five` stand for."""
    words = words.replace(",", ".")
    return float(words) if words[0].isdigit() else float(NUMBERS[words.replace("-", " ")])


@cache
def _right_spelling() -> dict[str, str]:
    found: dict[str, str] = {}
    for word in OPTION_WORDS:
        for i in range(len(word) + 1):
            before, behind = word[:i], word[i:]
            wrong = {before + c + behind for c in string.ascii_lowercase}
            if behind:
                wrong |= {before + c + behind[1:] for c in string.ascii_lowercase} | {before + behind[1:]}
            if len(behind) > 1:
                wrong.add(before + behind[1] + behind[0] + behind[2:])
            for spelling in wrong - LOOK_ALIKES - set(OPTION_WORDS):
                found[spelling] = word
    return found

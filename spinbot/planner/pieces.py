"""What is left of a prompt when its options are struck out: pieces that may hold the topic, politeness left aside."""

from __future__ import annotations

import re

from spinbot.media.words import split_sentences
from spinbot.planner.grammar import Piece
from spinbot.planner.sheet import TAKEN, Sheet

_FILLERS = frozenset([
    "a", "about", "again", "also", "an", "and", "as", "better", "but", "can", "clip", "could", "create", "do",
    "don't", "film", "for", "format", "generate", "give", "good", "have", "he", "hello", "hey", "hi", "i",
    "i'd", "i'm", "in", "instead", "is", "it", "it's", "just", "kind", "length", "let", "like", "make", "maybe",
    "me", "message", "movie", "my", "need", "no", "now", "of", "ok", "okay", "on", "one", "or", "our", "please",
    "pls", "produce", "record", "recording", "reel", "she", "short", "should", "so", "something", "sorry",
    "thank", "thanks", "that", "the", "then", "there", "they", "thing", "this", "tiktok", "to", "us", "version",
    "video", "videos", "wait", "want", "we", "will", "with", "would", "yes", "you", "your",
])  # fmt: skip
"""A piece of a prompt that holds no other word has no topic in it."""
_LOOSE_ENDS = frozenset(["and", "but", "please", "pls", "with", "in", "for"])
_LEADS = frozenset([
    "about", "on", "of", "that", "to", "explain", "explains", "explaining", "describe", "describes",
    "describing", "present", "presents", "presenting", "show", "shows", "showing", "making", "create", "do",
    "is", "are", "introduce", "topic",
])  # fmt: skip
"""A topic may begin behind one of these."""
_QUESTIONS = frozenset(["how", "why", "what", "who", "when", "where"])
"""A topic may begin with one of these."""
_LEAD_OF_SCENE = re.compile(
    r"(?:(?:and|then|also|please|with|is|shows?|has) )*(?:(?:explains?|shows?|describes?|(?:talk|speak)s? about|"
    r"tells?(?: them| us| people| me)?|about|of|on) )?",
    flags=re.I,
)


def scene_topic(sheet: Sheet, start: int, end: int) -> str:
    """What a scene is about: its longest piece, without the words that lead to it."""
    pieces = [" ".join(piece.words) for piece in pieces_of(sheet, start, end)]
    longest = max(pieces, key=len, default="").rstrip(".,;:!")
    return longest[match.end() :] if (match := _LEAD_OF_SCENE.match(longest)) else longest


def pieces_of(sheet: Sheet, start: int, end: int) -> list[Piece]:
    """What is left of the prompt between two places, in pieces, without those that are mere politeness."""
    found = []
    for match in re.compile(rf"[^{TAKEN}\n]+").finditer(sheet.plain, start, end):
        for sentence in split_sentences(sheet.text.words(*match.span())):
            for part in re.split(r" / |\s[-\u2013\u2014]\s", sentence):
                words = part.strip(" ,.;:/()-\u2013\u2014").split()
                plain = [re.sub(r"[^\w']", "", word.lower()) for word in words]
                while plain and plain[-1] in _LOOSE_ENDS:
                    plain.pop()
                if any(word and word not in _FILLERS for word in plain):
                    found.append(_piece(words[: len(plain)], plain))
    return found


def _piece(words: list[str], plain: list[str]) -> Piece:
    """A topic begins with its piece or behind a word that leads to one, and ends with its piece or at a comma."""
    starts = [0, *(place + 1 for place, word in enumerate(plain[:-1]) if word in _LEADS)]
    starts += [place for place, word in enumerate(plain) if word in _QUESTIONS]
    ends = [place for place, word in enumerate(words) if word[-1] in ",;:" or place == len(words) - 1]
    return Piece(words, frozenset(starts), frozenset(ends))

"""The words for each value of a look, a part of them held out: captions never use those, so tests of unseen words can.

The words are the reader's (`spinbot/engines/image/drawn/words.toml`). A phrase may mean several things ("nun" is a
woman in a headscarf); it fits a look only if the look agrees with all of them.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from spinbot.engines.image.drawn.look import STYLES, Look


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


TABLES = ("sex", "age", "skin", "hair", "length", "hair_colour", "glasses", "beard", "hat", "clothes", "colour")
"""Tables of values. The others of the file say what words are for, not what a portrait shows."""
HELD_OUT = 0.08
"""Share of a value's phrases."""
MOST_WITHIN = 2
"""A phrase that is part of more other phrases than this is not held out: they would all go with it."""
GRAMMAR = _set(
    "a an the and with without no not in on of is are has wearing he she his her him hair hat glasses beard long short "
    "medium length straight wavy curly spiky curls braids cropped close tied pinned pulled back up headed skin woman "
    "man"
)
"""Words that captions use in any case: a phrase of only these, or of one and "hair", comes about by itself."""
SEXES = {"her": "woman", "latina": "woman", "his": "man", "latino": "man"}
"""Words that say a sex and stand in other tables."""

Table = dict[str, tuple[str, ...]]


@cache
def tables() -> dict[str, Table]:
    """Table -> value -> phrases, the usual one first."""
    text = (files("spinbot.engines.image.drawn") / "words.toml").read_text("utf-8")
    return {
        table: {value: tuple(phrases) for value, phrases in values.items()}
        for table, values in tomllib.loads(text).items()
    }


@cache
def words() -> tuple[str, ...]:
    """Every word of every table, once."""
    phrases = (phrase for table in tables().values() for many in table.values() for phrase in many)
    return tuple(sorted({word for phrase in phrases for word in phrase.replace("-", " ").split()}))


@cache
def held_out() -> dict[str, Table]:
    """Table -> value -> phrases that captions for training never use, nor any phrase with them in it."""
    everything = [phrase for _, _, phrase in _all()]
    usual = {phrase for table in TABLES for value, found in tables()[table].items() for phrase in (value, found[0])}
    chosen: dict[str, Table] = {}
    for table in TABLES:
        for value, phrases in tables()[table].items():
            able = [phrase for phrase in phrases if phrase not in usual and not _within_any(phrase, usual)]
            able = [phrase for phrase in able if not _comes_about(phrase)]
            able = [phrase for phrase in able if sum(_within(phrase, other) for other in everything) - 1 <= MOST_WITHIN]
            able.sort(key=lambda phrase: hashlib.sha256(phrase.encode()).digest())
            chosen.setdefault(table, {})[value] = tuple(able[: round(len(phrases) * HELD_OUT)])
    return chosen


@cache
def forbidden() -> frozenset[str]:
    """All held-out phrases."""
    return frozenset(phrase for table in held_out().values() for phrases in table.values() for phrase in phrases)


@cache
def trained_on() -> dict[str, Table]:
    """Table -> value -> phrases that captions use."""
    return {
        table: {
            value: tuple(phrase for phrase in phrases if not any(_within(no, phrase) for no in forbidden()))
            for value, phrases in tables()[table].items()
        }
        for table in TABLES
    }


def uses(text: str, phrase: str) -> bool:
    """Whether a caption has the phrase in it, hyphens read as spaces."""
    plain = "".join(letter if letter.isalnum() or letter == "'" else " " for letter in text.lower())
    return _within(phrase, " ".join(plain.split()))


@cache
def meanings(phrase: str) -> tuple[tuple[str, str], ...]:
    """All (table, value) of a phrase, colours and length left out: what those belong to, the sentence says."""
    return tuple(
        (table, value) for table, value, other in _all() if other == phrase and table not in ("colour", "length")
    )


def fits(phrase: str, look: Look, table_read: str) -> bool:
    """Whether the look is all that a phrase means. Of the table `table_read` it may mean other values as well."""
    agrees = all(getattr(look, table) == value or table == table_read for table, value in meanings(phrase))
    return agrees and all(SEXES.get(word, look.sex) == look.sex for word in phrase.split())


def length_of(look: Look) -> str:
    """How long the hair is worn."""
    return STYLES[look.hair].length


def _all() -> Iterator[tuple[str, str, str]]:
    for table in TABLES:
        for value, phrases in tables()[table].items():
            for phrase in phrases:
                yield table, value, phrase


def _comes_about(phrase: str) -> bool:
    return not set(phrase.split()) - GRAMMAR or phrase.endswith(" hair") or phrase.startswith("in ")


def _within(phrase: str, text: str) -> bool:
    return f" {phrase} " in f" {text} "


def _within_any(phrase: str, texts: set[str]) -> bool:
    return any(_within(phrase, text) for text in texts)

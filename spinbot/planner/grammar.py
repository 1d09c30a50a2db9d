"""The grammar of a plan: a JSON object in which each field is a constant, one of a list, or a span of given words.

Written in EBNF as llama.cpp (GBNF), vLLM and xgrammar take it. Its size grows with the number of words, not with the
number of spans, which is its square.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Constant:
    """A value that is settled."""

    value: Any


@dataclass(frozen=True)
class OneOf:
    """One of the values; there is at least one."""

    values: Sequence[Any]


@dataclass(frozen=True)
class Piece:
    """Words that stand together. A span may begin at the places of `starts` and end behind those of `ends`."""

    words: Sequence[str]
    starts: frozenset[int]
    ends: frozenset[int]


@dataclass(frozen=True)
class Span:
    """A run of whole words out of one of the pieces, as they are written there; at least one is possible."""

    pieces: Sequence[Piece]


Choice = Constant | OneOf | Span


def plan_grammar(fields: Mapping[str, Choice]) -> str:
    """EBNF of a JSON object with exactly these fields in this order."""
    rules: list[str] = []
    parts = []
    for number, (name, choice) in enumerate(fields.items()):
        start = f"{', ' if number else ''}{json.dumps(name)}: "
        parts.append(f"{_literal(start)} {_choice(f'f{number}', choice, rules)}")
    return "\n".join([f"root ::= {_literal('{')} {' '.join(parts)} {_literal('}')}", *rules]) + "\n"


def _choice(rule: str, choice: Choice, rules: list[str]) -> str:
    match choice:
        case Constant(value):
            return _literal(_json(value))
        case OneOf(values):
            rules.append(f"{rule} ::= {' | '.join(_literal(_json(value)) for value in values)}")
        case Span(pieces):
            _span(rule, pieces, rules)
    return rule


def _span(rule: str, pieces: Sequence[Piece], rules: list[str]) -> None:
    """`w` stands for the rest of a span from this word on: the word, and what follows where it does not end there."""
    starts = []
    for number, piece in enumerate(pieces):
        last = max(piece.ends)
        starts += [f"{rule}w{number}x{place}" for place in sorted(piece.starts) if place <= last]
        for place, word in enumerate(piece.words[: last + 1]):
            more = f"{_literal(' ')} {rule}w{number}x{place + 1}"
            more = "" if place == last else f" ({more})?" if place in piece.ends else f" {more}"
            rules.append(f"{rule}w{number}x{place} ::= {_literal(_json(word)[1:-1])}{more}")
    rules.append(f"{rule} ::= {_literal(chr(34))} ({' | '.join(starts)}) {_literal(chr(34))}")


def _json(value: Any) -> str:
    return json.dumps(value)  # ASCII: what must follow can then be told at any place, not only between characters


def _literal(text: str) -> str:
    """A string of the grammar; JSON in ASCII has no character that needs more than a backslash."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""Judging a sentence by plain rules: what must not be said, and what is better said otherwise. Knows no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

MAX_CHARACTERS = 220
"""Longer sentences are hard to speak in one breath."""
OFF_TOPIC = "off topic"
MIDDLE = "starts in the middle"
BROKEN = "breaks off"
FORCED = "has a word that the model did not want"
MADE_UP = "gives a figure that the topic does not have"
"""Most figures of a small model are wrong: years, distances, prices."""
PARDONED = frozenset({OFF_TOPIC, MIDDLE, BROKEN, MADE_UP, FORCED})
"""Flaws that are better than no sentence."""


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FUNCTION = _listed("""
    a about after again all also am an and any are as at be because been before being both but by can could did do
    does done each either even ever every for from get gets had has have he her here hers him his how i if in into
    is it its just like made make makes many may me might more most much must my never no not now of off often on
    one only or other our out over own really same she should so some still such than that the their them then
    there these they thing things this those through time to too under up us use used very was way ways we well
    were what when where which while who why will with would you your
""")
_DANGLING = _listed("""
    a an the of and or but to with for from by as at in on than that which who because if when while its their his
    her my our your is are was were be can will would such very mr mrs ms dr st vs etc no
""")
_SUBORDINATE = _listed("while when although though because if since unless until as after before once")
_OPENERS = _listed("it it's its they their them this these those he she his her however but and so also then")
_PRONOUNS = _listed("it it's its they their them he she his her")
_BACKWARD = _listed("it it's its they their them this these those he she his her we our you your i my")
_TWICE = re.compile(r"\b(?!(?:more|again|over|on|better) )(\w+),?(?: and| or)? \1\b", re.IGNORECASE)
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_TALK = re.compile(
    r"\b(as an ai|language model|smollm|hugging face|assistant|sure,|certainly,|of course,|"
    r"here(?:'s| is| are) (?:a|an|the|your|some|my)|i can't|i cannot|i'm sorry|i apologi[sz]e|paragraph|"
    r"let me know|as requested|insert|placeholder|the topic|json|"
    r"this video|this article|mentioned|in conclusion|in summary|following|below|"
    r"article|the text|original text|a user|the user|you requested|your order|inquiries|feel free|apologies|as follows|"
    r"provided instructions|edited for)(?!\w)",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"\b(i|i'm|i've|i'd|i'll|me|my|we|we're|we've|us|our)\b", re.IGNORECASE)
_EMPTY = re.compile(
    r"\b(very important|testament|darker? side|double-edged|symbol of|delve|tapestry|a bit of a|in the world of)\b",
    re.IGNORECASE,
)


def words(text: str) -> list[str]:
    """Lower-case words; an apostrophe or hyphen inside a word stays."""
    return re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text.lower())


def stem(word: str) -> str:
    """Enough of a word to match its other forms: `purring` and `purr`, `bicycles` and `bicycle`."""
    word = word.removesuffix("'s").removesuffix("'")
    for ending in ("ing", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def content(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in _FUNCTION]


def flaw(sentence: str, *, earlier: Sequence[str], topic: str) -> str:
    """Why `sentence` cannot follow the `earlier` ones of a narration about `topic`; "" if it can."""
    said = words(sentence)
    if len(sentence) > MAX_CHARACTERS:
        return "too long"
    if len(said) < 3 or not content(sentence):
        return "says nothing"
    if sentence[-1] not in ".!" or re.search(r"[?\[\]{}<>#*_|\\\"\n]|\.\.", sentence):
        return "not plain prose"
    if _TALK.search(sentence):
        return "talks about the task"
    if said[-1] in _DANGLING or len(said[-1]) == 1 or (said[0] in _SUBORDINATE and "," not in sentence):
        return BROKEN
    if not earlier and (said[0] in _OPENERS or _PRONOUNS & set(said[:3])):
        return MIDDLE
    if fault := repetition(sentence, earlier):
        return fault
    if not set(_FIGURE.findall(sentence)) <= set(_FIGURE.findall(topic)):
        return MADE_UP
    return off_topic(sentence, earlier, topic)


def repetition(sentence: str, earlier: Sequence[str]) -> str:
    """What `sentence` repeats, of itself or of the `earlier` ones; "" for nothing."""
    said, meaning = words(sentence), content(sentence)
    if _TWICE.search(sentence):
        return "says a word twice in a row"
    if any(count > 2 for count in Counter(meaning).values()) or _repeats(said, 3) or _repeats(meaning, 2):
        return "repeats itself"
    for other in earlier:
        before, sense = words(other), content(other)
        if said[:3] == before[:3] or (said[:2] == before[:2] and other in earlier[-2:] and said[0] in _BACKWARD):
            return "begins like an earlier sentence"
        if _grams(said, 4) & _grams(before, 4):
            return "repeats a phrase"
        shared = len(set(meaning) & set(sense))
        if shared >= 2 and shared > 0.5 * min(len(set(meaning)), len(set(sense))):
            return "says an earlier sentence again"
    return ""


def off_topic(sentence: str, earlier: Sequence[str], topic: str) -> str:
    """Whether `sentence` has lost the thread: the first one names the topic, the others lean on what was said."""
    meaning, about = set(content(sentence)), set(content(topic)) or {stem(word) for word in words(topic)}
    if about and meaning & about:
        return ""
    if not earlier:
        return OFF_TOPIC if about else ""
    thread = about.union(*(content(other) for other in earlier))
    return "" if meaning & thread or _BACKWARD & set(words(sentence)) else OFF_TOPIC


def merit(sentence: str, *, topic: str) -> float:
    """What to add to a sentence's mean log-probability: the model likes vague and invented things better than we do."""
    meaning = content(sentence)
    score = 0.4 * (len(set(meaning)) - len(meaning))
    if set(meaning) & set(content(topic)):
        score += 0.3
    if re.search(r"(?<!^)\b[A-Z][a-z]+ [A-Z][a-z]+", sentence):
        score -= 0.3  # most names are made up
    if _PERSONAL.search(sentence) and not _PERSONAL.search(topic):
        score -= 0.6
    return score - 0.6 * len(_EMPTY.findall(sentence))


def aptness(phrase: str, *, about: str) -> float:
    """What to add to the mean log-probability of a title or a picture: best if all its words occur in `about`."""
    meaning, known = content(phrase), set(content(about))
    share = sum(word in known for word in meaning) / len(meaning) if meaning else 0.0
    return 3 * share + len(set(meaning)) - len(meaning)


def _grams(items: Sequence[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(items[i : i + size]) for i in range(len(items) - size + 1)}


def _repeats(items: Sequence[str], size: int) -> bool:
    return len(_grams(items, size)) < len(items) - size + 1

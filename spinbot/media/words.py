"""Text as sentences and as comparable words: what is spoken in one breath, and how far a hearing is from the script."""

from __future__ import annotations

import re
import unicodedata

from spinbot.media.spoken import spoken_words

LONGEST = 300
"""Sentences beyond this many characters are split at a clause: some 20 s of speech."""

_ENDS = re.compile(r"[.!?…]+[\"'”’)\]»]*$")
_OPENS = re.compile(r"[\"'“‘(\[«¿¡]*[A-Z0-9À-ÞА-Я#$€£¥@]|[-–—•*]|[\"“«]")
_NEVER_ENDS = frozenset([
    "dr", "mr", "mrs", "ms", "prof", "gov", "sen", "gen", "capt", "lt", "sgt", "rev", "mt", "st", "vs", "e.g",
    "i.e", "approx", "dept", "fig", "vol", "hon", "rep", "pres", "jan", "feb", "mar", "apr", "jun", "jul", "aug",
    "sep", "sept", "oct", "nov", "dec",
])  # fmt: skip
_NUMBERED = frozenset(["no", "nos", "p", "pp", "fig", "vol", "ch", "sec", "art"])
_STARTERS = frozenset([
    "The", "A", "An", "It", "He", "She", "They", "We", "You", "I", "In", "On", "At", "But", "And", "So", "This",
    "That", "These", "Those", "There", "Then", "When", "If", "As", "For", "To", "My", "Our", "His", "Her",
    "Their", "Its", "What", "Who", "Why", "How", "Where", "However", "After", "Before", "While", "Now", "Today",
    "Yes", "No", "Not", "One",
])  # fmt: skip
_BREAKS = (r"[;:—–]$|^[—–]$", r",[\"'”’)]*$", None)
_CONJUNCTIONS = frozenset([
    "and", "but", "or", "so", "because", "while", "which", "who", "that", "when", "where", "although", "though", "if",
    "then",
])  # fmt: skip


def split_sentences(text: str) -> list[str]:
    """Sentences in order, whitespace tidied; no word is lost: joining them gives back all words of `text`.

    A full stop after an abbreviation, an initial or inside a number ends nothing. A blank line always ends a
    sentence, a line break does where the line ends in punctuation or the next begins like a sentence. Sentences over
    `LONGEST` characters are split at clauses. A piece without letters or digits joins its neighbour.
    """
    sentences: list[str] = []
    for block in _blocks(text):
        tokens, start = block.split(), 0
        for i in range(1, len(tokens) + 1):
            if i == len(tokens) or ends_sentence(tokens[i - 1], tokens[i]):
                sentences += _clauses(tokens[start:i])
                start = i
    merged: list[str] = []
    for sentence in sentences:
        if merged and not (_has_word(sentence) and _has_word(merged[-1])):
            merged[-1] += " " + sentence
        else:
            merged.append(sentence)
    return [sentence for sentence in merged if _has_word(sentence)]


def comparable_words(text: str) -> list[str]:
    """The words of `text` in a form that does not depend on how they were written.

    Lower case, no accents or punctuation, numbers and abbreviations as words, contractions of "not", "are", "have",
    "will" and "am" written out, British endings made American. "$42.50" and "forty-two dollars and fifty cents" are
    equal, so are "Dr." and "doctor", "1968" and "nineteen sixty-eight".
    """
    words: list[str] = []
    for spoken in (said for word in spoken_words(text) for said in word.spoken):
        words += _plain(spoken)
    return [
        word
        for i, word in enumerate(words)
        if not (word == "and" and i and words[i - 1] in _AMOUNTS and i + 1 < len(words) and words[i + 1] in _AMOUNTS)
    ]


def word_error_rate(reference: str, heard: str) -> float:
    """Word error rate: (substitutions + deletions + insertions) / words of the reference, on comparable words.

    Levenshtein (1966) distance over words, where a compound costs nothing: "web site" equals "website", "F B I"
    equals "FBI". So do a time or a telephone number with other separators. Of an empty reference: 0 if nothing was
    heard, else 1.
    """
    wanted, got = comparable_words(reference), comparable_words(_as_written(heard, reference))
    if not wanted:
        return float(bool(got))
    distance = [[0] * (len(got) + 1) for _ in range(len(wanted) + 1)]
    for i in range(len(wanted) + 1):
        for j in range(len(got) + 1):
            if i == 0 or j == 0:
                distance[i][j] = i + j
                continue
            best = min(
                distance[i - 1][j - 1] + (wanted[i - 1] != got[j - 1]), distance[i - 1][j] + 1, distance[i][j - 1] + 1
            )
            for n in range(2, 5):
                if n <= j and "".join(got[j - n : j]) == wanted[i - 1]:
                    best = min(best, distance[i - 1][j - n])
                if n <= i and "".join(wanted[i - n : i]) == got[j - 1]:
                    best = min(best, distance[i - n][j - 1])
            distance[i][j] = best
    return distance[-1][-1] / len(wanted)


def _as_written(heard: str, reference: str) -> str:
    """`heard` with times, scores and telephone numbers of the same digits written as in `reference`: 9.32 as 9:32."""
    written = {re.sub(r"\D", "", number): number for number in re.findall(r"\d+(?:[:-]\d+)+", reference)}
    return re.sub(r"\d+(?:[.:-]\d+)*", lambda m: written.get(re.sub(r"\D", "", m[0]), m[0]), heard)


_AMOUNTS = frozenset([
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty",
    "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "million", "billion",
    "trillion", "dollar", "dollars", "euro", "euros", "pound", "pounds",
])  # fmt: skip
_SAME = {
    "okay": "ok", "cannot": "can not", "cant": "can not", "wont": "will not", "o": "oh", "metre": "meter",
    "metres": "meters", "litre": "liter", "litres": "liters", "centre": "center", "kilometres": "kilometers",
    "kilometre": "kilometer", "missis": "missus", "mizz": "miz", "grey": "gray",
}  # fmt: skip
_CONTRACTIONS = (("n't", " not"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"), ("'m", " am"))


def _plain(spoken: str) -> list[str]:
    word = "".join(c for c in unicodedata.normalize("NFKD", spoken.lower()) if not unicodedata.combining(c))
    word = {"can't": "can not", "won't": "will not"}.get(word, word)
    for ending, full in _CONTRACTIONS:
        if word.endswith(ending):
            word = word.removesuffix(ending) + full
    word = re.sub(r"[^\w ]|_", "", word)
    word = re.sub(r"(?<=[a-z]{2})our(?=(s|ed|ing|ful|ite|ites|able|hood|er|ers)?$)", "or", word)
    word = re.sub(r"(?<=[a-z]{2})([iy])s(?=(e|ed|es|ing|er|ation|ations)$)", r"\1z", word)
    return _SAME.get(word, word).split()


def _blocks(text: str) -> list[str]:
    """Stretches of text between hard line ends."""
    blocks = [""]
    for line in text.splitlines():
        line = line.strip()
        if not line:
            blocks.append("")
        elif blocks[-1] and not _ENDS.search(blocks[-1]) and not _OPENS.match(line):
            blocks[-1] += " " + line
        else:
            blocks.append(line)
    return [block for block in blocks if block]


def ends_sentence(token: str, following: str) -> bool:
    """Whether a sentence ends between two written words: not after an abbreviation, an initial or "No." of a number."""
    if not _ENDS.search(token) or not _OPENS.match(following):
        return False
    if re.search(r"[!?…]|\.\.", token):
        return True
    word = re.sub(r"^\W+|\W+$", "", token)
    if word.lower() in _NEVER_ENDS or re.fullmatch(r"[A-HJ-Z]", word):
        return False
    if word.lower() in _NUMBERED and following[0].isdigit():
        return False
    if re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word):
        return re.sub(r"\W", "", following) in _STARTERS
    return True


def _clauses(tokens: list[str]) -> list[str]:
    """Halve at the strongest break nearest to the middle until every piece is short enough."""
    sentence = " ".join(tokens)
    if len(sentence) <= LONGEST or len(tokens) < 2:
        return [sentence]
    offsets = [len(" ".join(tokens[:i])) for i in range(len(tokens))]
    middle = len(sentence) / 2

    def candidates(pattern: str | None) -> list[int]:
        if pattern is None:
            return [i for i in range(1, len(tokens)) if tokens[i].lower() in _CONJUNCTIONS]
        return [i for i in range(1, len(tokens)) if re.search(pattern, tokens[i - 1])]

    for pattern in _BREAKS:
        # a break in the outer sixths would leave a fragment that sounds cut off
        inner = [i for i in candidates(pattern) if len(sentence) / 6 < offsets[i] < len(sentence) * 5 / 6]
        if inner:
            at = min(inner, key=lambda i: abs(offsets[i] - middle))
            break
    else:
        at = min(range(1, len(tokens)), key=lambda i: abs(offsets[i] - middle))
    return _clauses(tokens[:at]) + _clauses(tokens[at:])


def _has_word(text: str) -> bool:
    return any(c.isalnum() for c in text)

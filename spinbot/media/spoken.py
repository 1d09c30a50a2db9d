"""Written English to the words a person would say: numbers, dates, money, units, abbreviations, addresses.

Every written word keeps its own form beside the words spoken for it, so that a caption shows "$42.50" over
"forty two dollars and fifty cents". Knows nothing of phonemes; pronunciation is the engine's concern.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from spinbot.media import abbreviations as short
from spinbot.media.numbers import cardinal, decimal, digits, ordinal, plural, roman, year


@dataclass(frozen=True)
class SpokenWord:
    """A word as written, with its punctuation, and the words said for it (empty for a lone dash or emoji).

    An upper-case spoken word such as `NASA` or `U` is left to the engine to read as a word or letter by letter.
    """

    written: str
    spoken: tuple[str, ...]


_LEAD = "([{\"'“‘«‹—–*_¿¡"
_TRAIL = ".,;:!?)]}\"'”’»›…—–*_"
_NUMBER = r"\d[\d,]*(?:\.\d+)?|\.\d+"
_TIME_WORDS = frozenset([
    "in", "since", "by", "from", "until", "till", "of", "year", "after", "before", "during", "around", "circa",
    "late", "early", "mid",
])  # fmt: skip
_JOINING = frozenset({"of", "and", "or", "in", "to", "is", "was", "for", "at", "by", "on", "with", "from"})
_FRACTIONS = {2: "half", 3: "third", 4: "quarter"}
_UNIT = "|".join(sorted(map(re.escape, short.UNITS), key=len, reverse=True))
_SCALE = re.compile(r"(thousand|million|billion|trillion)", re.I)
_MONEY = re.compile(rf"(?:US|A|C|NZ|HK|R)?([$€£¥₹])({_NUMBER})(k|K|mn|m|M|bn|b|B|tn|T)?")


@dataclass(frozen=True)
class _Place:
    """A token among its neighbours; each without outer punctuation."""

    before: str
    after: str
    stop: bool
    """Whether a full stop follows."""


def spoken_words(text: str) -> list[SpokenWord]:
    """Every whitespace-separated word of `text` with the words said for it, in order."""
    tokens = unicodedata.normalize("NFC", text).replace("’", "'").replace("−", "-").split()
    cores = [_core(token) for token in tokens]
    out = []
    for i, (token, core) in enumerate(zip(tokens, cores, strict=True)):
        rest = token[token.find(core) + len(core) :] if core else ""
        place = _Place(cores[i - 1] if i else "", cores[i + 1] if i + 1 < len(cores) else "", rest.startswith("."))
        out.append((core, place))
    written = unicodedata.normalize("NFC", text).split()
    return [SpokenWord(w, tuple(read(core, place))) for w, (core, place) in zip(written, out, strict=True)]


def _core(token: str) -> str:
    core = token.lstrip(_LEAD).rstrip(_TRAIL)
    return core if core or not any(c in short.SYMBOLS for c in token) else token


def read(core: str, place: _Place) -> list[str]:
    """The words said for one token without its outer punctuation."""
    if not core:
        return []
    for pattern, rule in _RULES:
        if match := pattern.fullmatch(core):
            words = rule(match, place)
            if words is not None:
                return words
    return _parts(core, place)


_Rule = Callable[[re.Match[str], _Place], list[str] | None]


def _unit(m: re.Match[str], place: _Place) -> list[str] | None:
    if not re.fullmatch(rf"-?(?:{_NUMBER})", place.before) or m[0] in ("x", "K"):
        return None
    return short.unit_words(m[0], place.before == "1")


def _word(m: re.Match[str], place: _Place) -> list[str] | None:
    word = m[0]
    key = word.lower()
    if _SCALE.fullmatch(word) and (money := _MONEY.fullmatch(place.before)) and not money[3]:
        return [word, _currency(money[1], money[2] == "1")]
    if word in short.MONTHS and (place.stop or word != "Mar") and word not in ("Sep", "Dec", "Jan", "Jun", "Jul"):
        return [short.MONTHS[word]]
    if word in short.MONTHS:
        return [short.MONTHS[word] if place.stop or place.after[:1].isdigit() else word]
    if key in short.BEFORE_NUMBER and place.stop and place.after[:1].isdigit():
        return [short.BEFORE_NUMBER[key]]
    if key == "st" and (place.stop or word == "St"):
        return ["Saint" if place.after[:1].isupper() and not place.before[:1].isupper() else "Street"]
    if key == "ft" and place.stop and place.after[:1].isupper():
        return ["Fort"]
    if key == "dr" and place.before[:1].isupper() and not place.after[:1].isupper() and place.stop:
        return ["Drive"]
    if key in short.ALWAYS and (place.stop or key in short.UNDOTTED) and not (key in ("co", "est") and word == key):
        return short.ALWAYS[key].split()
    if word.isupper() and len(word) > 1 and (n := roman(word)) and n < 40 and place.before[:1].isupper():
        return cardinal(n) if place.before.lower() in short.COUNTED else ["the", *ordinal(n)]
    return [word]


def _number(m: re.Match[str], place: _Place) -> list[str]:
    text, sign = m["n"], {"-": ["minus"], "+": ["plus"], "~": ["about"], "#": ["number"], "": []}[m["sign"]]
    if m["sign"] or not text.isdigit():
        return sign + decimal(text)
    n = int(text)
    if 1 <= n <= 31 and place.before in short.MONTHS:
        return ordinal(n)
    if 1 <= n <= 31 and place.after in short.MONTHS:
        return [*([] if place.before.lower() == "the" else ["the"]), *ordinal(n), "of"]
    if (len(text) > 1 and text[0] == "0") or (len(text) >= 7 and not text.endswith("000")):
        return digits(text)
    if 1100 <= n <= 2099 and not _counts(place):
        return year(n)
    return cardinal(n)


def _counts(place: _Place) -> bool:
    """Whether a number stands before a plural ("1968 cars") or a unit rather than being a year."""
    if place.before.lower() in _TIME_WORDS or place.before in short.MONTHS:
        return False
    after = place.after
    plural_noun = after.islower() and after.endswith("s") and after not in ("was", "is", "has", "as", "its", "this")
    return after in short.UNITS or plural_noun


def _currency(symbol: str, one: bool) -> str:
    name = short.CURRENCIES[symbol][0]
    return name if one or name == "yen" else name + "s"


def _money(m: re.Match[str], place: _Place) -> list[str]:
    symbol, amount, scale = m[1], m[2], m[3]
    whole, _, cents = amount.replace(",", "").partition(".")
    if scale:
        return [*decimal(amount), short.SCALES[scale], _currency(symbol, False)]
    if _SCALE.fullmatch(place.after):
        return decimal(amount)
    if len(cents) != 2 or not short.CURRENCIES[symbol][1]:
        return [*decimal(amount), _currency(symbol, amount == "1")]
    small = short.CURRENCIES[symbol][1]
    if int(cents) != 1:
        small = {"penny": "pence", "paisa": "paise"}.get(small, small + "s")
    dollars = [*cardinal(int(whole or 0)), _currency(symbol, whole == "1")] if int(whole or 0) else []
    change = [*cardinal(int(cents)), small] if int(cents) else []
    return [*dollars, *(["and"] if dollars and change else []), *change] or ["zero", _currency(symbol, False)]


def _measure(m: re.Match[str], place: _Place) -> list[str]:
    return [*(["minus"] if m[1] else []), *decimal(m[2]), *short.unit_words(m[3], m[2] == "1")]


def _time(m: re.Match[str], place: _Place) -> list[str] | None:
    hour, minute, half = int(m[1]), int(m[2]), (m[3] or "").replace(".", "").upper()
    if hour > 24 or minute > 59:
        return None
    follows = re.fullmatch(r"[ap]\.?m|noon|midnight", place.after, re.I)
    if minute == 0:
        tail = [] if half or follows else ["o'clock"] if 0 < hour <= 12 else ["hundred"]
    else:
        tail = [*(["oh"] if minute < 10 else []), *cardinal(minute)]
    return [*cardinal(hour), *tail, *half]


def _dotted_time(m: re.Match[str], place: _Place) -> list[str] | None:
    return _time(m, place) if m[3] or re.fullmatch(r"[ap]\.?m", place.after, re.I) else None


def _range(m: re.Match[str], place: _Place) -> list[str]:
    first = read(m[1], _Place(place.before, "", False))
    unit = m[3] or ""
    if unit in short.SYMBOLS or unit in short.UNITS:
        return [*first, "to", *decimal(m[2]), *short.unit_words(unit, False)]
    return [*first, "to", *read(m[2] + unit, _Place("", place.after, False))]


def _date(y: str, month: int, day: int) -> list[str] | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return [list(short.MONTHS)[month - 1], *ordinal(day), *year(int(y))]


def _fraction(m: re.Match[str], place: _Place) -> list[str] | None:
    top, bottom = int(m[1]), int(m[2])
    if not 0 < top < bottom or bottom > 20:
        return None
    name = _FRACTIONS.get(bottom) or " ".join(ordinal(bottom))
    after = place.after
    if after.isalpha() and after.islower() and not after.endswith("s") and after not in _JOINING:
        article = "an" if after[0] in "aeiou" or after == "hour" else "a"
        return ["half", article] if (top, bottom) == (1, 2) else [*_share(top, name), "of", article]
    return _share(top, name) if bottom > 2 else ["one", "half"]


def _share(top: int, name: str) -> list[str]:
    return [*cardinal(top), *(name if top == 1 else name + "s").split()]


def _decade(m: re.Match[str], place: _Place) -> list[str]:
    n = int(m[1])
    return plural(year(n) if n > 99 else cardinal(n))


def _address(m: re.Match[str], place: _Place) -> list[str]:
    text = re.sub(r"^https?://(www\.)?|^www\.|/$", "", m[0])
    names = {".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", ":": "colon", "?": "", "=": "equals"}
    words: list[str] = []
    for piece in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text):
        words += cardinal(int(piece)) if piece.isdigit() else [names.get(piece, piece)]
    return [w for w in words if w and (w.isalnum())]


def _parts(core: str, place: _Place) -> list[str]:
    """Whatever no rule reads whole: joined words, letters with digits, symbols."""
    words: list[str] = []
    pieces = re.findall(r"\d[\d,]*(?:\.\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*|.", core)
    for i, piece in enumerate(pieces):
        after = pieces[i + 1] if i + 1 < len(pieces) else ""
        if piece[0].isdigit() and piece.count(".") > 1:
            words += " point ".join(" ".join(cardinal(int(part))) for part in piece.split(".")).split()
        elif piece[0].isdigit():
            words += read(piece, _Place("", "", False))
        elif piece == "#":
            words += ["sharp"] if i else ["hashtag"]
        elif piece.isalpha():
            lone = len(pieces) > 1 and (pieces[i - 1][0].isdigit() if i else after[:1].isdigit())
            vowels = any(c in "aeiouyAEIOUY" for c in piece)
            words += list(piece.upper()) if lone and len(piece) <= 3 and not vowels else [piece]
        elif piece[0].isalpha():
            words.append(piece)
        elif piece in short.SYMBOLS:
            words += short.SYMBOLS[piece].split()
    return words


_RULES: list[tuple[re.Pattern[str], _Rule]] = [
    (re.compile(r"(?i:e\.g|i\.e|a\.k\.a|w/o|c/o)"), lambda m, p: short.PHRASES[m[0].lower()].split()),
    (re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]"), lambda m, p: list(m[0].replace(".", "").upper())),
    (re.compile(r"Ph\.?D"), lambda m, p: list("PHD")),
    (re.compile(f"[{''.join(short.SYMBOLS)}]"), lambda m, p: short.SYMBOLS[m[0]].split()),
    (re.compile(rf"(?:{_UNIT})"), _unit),
    (re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?"), _word),
    (re.compile(r"(\d{1,2})[.](\d{2})((?i:[ap]\.?m))?"), _dotted_time),
    (re.compile(rf"(?P<sign>[-+~#]?)(?P<n>{_NUMBER})"), _number),
    (re.compile(r"\d[\d,]*(?:st|nd|rd|th)"), lambda m, p: ordinal(int(re.sub(r"\D", "", m[0])))),
    (_MONEY, _money),
    (re.compile(rf"({_NUMBER})([$€£¥₹])"), lambda m, p: _money(_MONEY.fullmatch(m[2] + m[1]), p)),  # type: ignore[arg-type]
    (re.compile(r"(\d{1,2}):(\d{2})((?i:[ap]\.?m))?"), _time),
    (re.compile(r"(\d{1,2})((?i:[ap]\.?m))"), lambda m, p: [*cardinal(int(m[1])), *m[2].replace(".", "").upper()]),
    (re.compile(r"'?((?:\d\d)?\d0)'?s"), _decade),
    (re.compile(rf"(-)?({_NUMBER})-?({_UNIT})"), _measure),
    (re.compile(r"(\d{4})-(\d\d)-(\d\d)"), lambda m, p: _date(m[1], int(m[2]), int(m[3]))),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), lambda m, p: _date(m[3], int(m[1]), int(m[2]))),
    (re.compile(r"(?:\+?\d{1,3}[-.])?(?:\(?\d{3}\)?[-.])+\d{4}|\d+(?:-\d+){3,}"), lambda m, p: digits(m[0])),
    (re.compile(rf"([$€£¥]?(?:{_NUMBER}))[-–—]([$€£¥]?(?:{_NUMBER}))({_UNIT})?"), _range),
    (re.compile(r"(\d{1,2})/(\d{1,2})"), _fraction),
    (re.compile(r"(\d+)/(\d+)"), lambda m, p: [*cardinal(int(m[1])), *cardinal(int(m[2]))]),
    (re.compile(r"(\d+)[x×](\d+)"), lambda m, p: [*cardinal(int(m[1])), "by", *cardinal(int(m[2]))]),
    (re.compile(r"(\d+):(\d+)"), lambda m, p: [*cardinal(int(m[1])), "to", *cardinal(int(m[2]))]),
    (re.compile(r"v(\d+(?:\.\d+)*)"), lambda m, p: ["version", *_parts(m[1], p)]),
    (re.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _address),
    (re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|dev|io|ai|edu|gov|uk|de|eu|co)(?:/\S*)?"), _address),
]

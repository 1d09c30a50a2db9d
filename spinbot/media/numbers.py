"""Numbers as English words: cardinals, ordinals, years, digits. Knows nothing of sentences."""

from __future__ import annotations

_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
LARGEST = 10**15 - 1
"""Above this, digits are read one by one."""


def cardinal(n: int) -> list[str]:
    """`1205` -> one thousand two hundred five. Negative numbers begin with "minus"."""
    if n < 0:
        return ["minus", *cardinal(-n)]
    if n > LARGEST:
        return digits(str(n))
    if n < 20:
        return [_ONES[n]]
    if n < 100:
        return [_TENS[n // 10], *([_ONES[n % 10]] if n % 10 else [])]
    size, name = next((size, name) for size, name in _SCALES if n >= size)
    return [*cardinal(n // size), name, *(cardinal(n % size) if n % size else [])]


def ordinal(n: int) -> list[str]:
    """`21` -> twenty first."""
    *head, last = cardinal(n)
    if last in _ORDINALS:
        return [*head, _ORDINALS[last]]
    return [*head, last[:-1] + "ieth" if last.endswith("y") else last + "th"]


def year(n: int) -> list[str]:
    """`1968` -> nineteen sixty eight, `1905` -> nineteen oh five, `2008` -> two thousand eight."""
    century, rest = divmod(n, 100)
    if not 1000 <= n <= 9999 or n % 1000 < 10:
        return cardinal(n)
    if rest == 0:
        return [*cardinal(century), "hundred"]
    return [*cardinal(century), *(["oh"] if rest < 10 else []), *cardinal(rest)]


def digits(text: str) -> list[str]:
    """`"007"` -> zero zero seven; anything that is no digit is left out."""
    return [_ONES[int(c)] for c in text if c in "0123456789"]


def decimal(text: str) -> list[str]:
    """`"1,234.05"` -> one thousand two hundred thirty four point zero five. A point is a decimal point."""
    whole, _, fraction = text.replace(",", "").partition(".")
    words = digits(whole) if len(whole) > 1 and whole.startswith("0") else cardinal(int(whole or 0))
    return [*words, "point", *digits(fraction)] if fraction else words


def plural(words: list[str]) -> list[str]:
    """`["nineteen", "sixty"]` -> nineteen sixties, for decades."""
    *head, last = words
    if last.endswith("y"):
        return [*head, last[:-1] + "ies"]
    return [*head, last + ("es" if last.endswith("x") else "s")]


def roman(text: str) -> int:
    """`"XIV"` -> 14; 0 where the text is no Roman numeral in its usual form."""
    values = [_ROMAN.get(c, 0) for c in text]
    if not values or 0 in values:
        return 0
    total = sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
    return total if to_roman(total) == text else 0


def to_roman(n: int) -> str:
    """`14` -> `"XIV"`; n in 1..3999."""
    table = (
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    )
    out = ""
    for value, letters in table:
        out += letters * (n // value)
        n %= value
    return out

"""Tables of written short forms and how they are read aloud in English."""

from __future__ import annotations

MONTHS = {
    "January": "January", "February": "February", "March": "March", "April": "April", "May": "May", "June": "June",
    "July": "July", "August": "August", "September": "September", "October": "October", "November": "November",
    "December": "December", "Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "Jun": "June",
    "Jul": "July", "Aug": "August", "Sep": "September", "Sept": "September", "Oct": "October", "Nov": "November",
    "Dec": "December",
}  # fmt: skip
"""In the order of the year; the full names are the first twelve."""

ALWAYS = {
    "dr": "Doctor", "mr": "Mister", "mrs": "Missus", "ms": "Miz", "prof": "Professor", "jr": "Junior", "sr": "Senior",
    "vs": "versus", "etc": "et cetera", "approx": "approximately", "inc": "Incorporated", "ltd": "Limited",
    "corp": "Corporation", "co": "Company", "dept": "Department", "ave": "Avenue", "blvd": "Boulevard", "rd": "Road",
    "hwy": "Highway", "mt": "Mount", "gov": "Governor", "sen": "Senator", "gen": "General", "capt": "Captain",
    "lt": "Lieutenant", "sgt": "Sergeant", "rev": "Reverend",
    "govt": "government", "misc": "miscellaneous",
    "tel": "telephone", "univ": "University", "assn": "Association", "bros": "Brothers",
}  # fmt: skip
"""Read so when a full stop follows."""

UNDOTTED = frozenset({"dr", "mr", "mrs", "ms", "prof", "jr", "sr", "vs", "etc", "ltd", "approx"})
"""Those of ALWAYS that British usage writes without a full stop."""

PHRASES = {"e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "w/o": "without", "c/o": "care of"}

BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "fig": "figure", "vol": "volume",
    "ch": "chapter", "sec": "section", "art": "article",
}  # fmt: skip

UNITS = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "µm": "micrometer",
    "mi": "mile", "yd": "yard", "ft": "foot", "kg": "kilogram", "g": "gram", "mg": "milligram", "µg": "microgram",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter",
    "s": "second", "sec": "second", "ms": "millisecond", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour",
    "hrs": "hour", "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "V": "volt", "kV": "kilovolt",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "dB": "decibel", "KB": "kilobyte",
    "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "PB": "petabyte", "J": "joule",
    "kJ": "kilojoule", "kcal": "kilocalorie", "cal": "calorie", "Pa": "pascal", "kPa": "kilopascal",
    "hPa": "hectopascal", "ha": "hectare", "px": "pixel", "°C": "degree Celsius", "°F": "degree Fahrenheit",
    "°": "degree", "kWh": "kilowatt hour", "MWh": "megawatt hour", "mAh": "milliamp hour", "m²": "square meter",
    "m2": "square meter", "km²": "square kilometer", "km2": "square kilometer", "m³": "cubic meter",
    "m3": "cubic meter", "mph": "mile per hour", "km/h": "kilometer per hour", "kph": "kilometer per hour",
    "m/s": "meter per second", "km/s": "kilometer per second", "fps": "frame per second",
    "rpm": "revolution per minute", "kbps": "kilobit per second", "Mbps": "megabit per second",
    "Gbps": "gigabit per second", "MB/s": "megabyte per second", "GB/s": "gigabyte per second",
    "ppm": "part per million", "%": "percent", "¢": "cent", "bn": "billion", "K": "K", "x": "times",
}  # fmt: skip
"""Unit -> its singular. Only the first noun takes the plural: kilometers per hour, degrees Celsius."""

INVARIABLE = frozenset({"hertz", "kilohertz", "megahertz", "gigahertz", "percent", "billion", "K", "times"})

CURRENCIES = {
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", ""), "₹": ("rupee", "paisa"),
}  # fmt: skip
SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "bn": "billion",
    "b": "billion", "B": "billion", "tn": "trillion", "T": "trillion",
}  # fmt: skip

SYMBOLS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus",
    "<": "less than", ">": "greater than", "≤": "at most", "≥": "at least", "≈": "about", "~": "about",
    "%": "percent", "°": "degrees", "$": "dollars", "€": "euros", "£": "pounds", "§": "section", "→": "to",
    "½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third", "⅔": "two thirds",
}  # fmt: skip

COUNTED = frozenset([
    "war", "chapter", "part", "act", "volume", "phase", "type", "class", "section", "level", "book", "episode",
    "season", "grade", "title", "article", "stage", "round", "bowl", "tier", "group",
])  # fmt: skip
"""A Roman numeral after these is a plain number (World War II); after a name it is an ordinal (Henry VIII)."""


def unit_words(unit: str, one: bool) -> list[str]:
    """`("km/h", False)` -> kilometers per hour."""
    words = UNITS[unit].split()
    at = 1 if words[0] in ("square", "cubic") or (words[-1] == "hour" and len(words) == 2) else 0
    if one or words[at] in INVARIABLE:
        return words
    words[at] = "feet" if words[at] == "foot" else words[at] + "s"
    return words

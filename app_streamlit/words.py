"""All that the pages say, in the visitor's language. The catalogues are `texts/<language>.toml`, with the same keys."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app_streamlit import kept

TEXTS = Path(__file__).parent / "texts"
LANGUAGES = {"en": "English", "zh": "中文"}
CHOSEN = "lang"
"""Of the session and of the page's address: the language chosen, where it is not the browser's own."""


@cache
def catalogue(language: str) -> dict[str, str]:
    """All texts of a language, by their dotted keys."""
    return dict(_flat("", tomllib.loads((TEXTS / f"{language}.toml").read_text("utf-8"))))


def language() -> str:
    """The one chosen, else the browser's own."""
    chosen = kept.chosen(CHOSEN)
    return chosen if chosen in LANGUAGES else browser_language()


def browser_language() -> str:
    """What the browser asks for, where there is a catalogue of it; else English."""
    wanted = (st.context.locale or "en").split("-")[0].lower()
    return wanted if wanted in LANGUAGES else "en"


def t(key: str, **values: object) -> str:
    """The text of that key, with the values in its places. Raises `KeyError` for a key that no catalogue has."""
    text = catalogue(language())[key]
    return text.format(**values) if values else text


def known(group: str, name: str) -> str:
    """The text `group.name`, or the name itself in plain words: a newer service may name what nobody has translated."""
    return catalogue(language()).get(f"{group}.{name}") or name.replace("_", " ").capitalize()


def section(name: str) -> dict[str, str]:
    """All texts under `name.`, for the scripts of a page."""
    texts = catalogue(language()).items()
    return {key.removeprefix(f"{name}."): text for key, text in texts if key.startswith(f"{name}.")}


def duration(seconds: float) -> str:
    """A length of time as people say it: to the second below a minute, then in minutes, then in hours."""
    whole = max(0, round(seconds))
    if whole < 60:
        return t("time.seconds", s=whole)
    if whole < 3600:
        return t("time.minutes", m=whole // 60, s=whole % 60)
    return t("time.hours", h=whole // 3600, m=whole % 3600 // 60)


def size(count: float) -> str:
    """Bytes as people say them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def _flat(prefix: str, texts: dict[str, Any]) -> Any:
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value

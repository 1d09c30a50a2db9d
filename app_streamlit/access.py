"""The service behind the pages: one client for each key, and what to say when it refuses or is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

from app_streamlit.routes.visitor import COOKIE, MOST_CLIENTS
from app_streamlit.words import t
from spinbot.client import Client, Me, Voice
from spinbot.errors import SpinbotError

PATIENCE_S = 3.0
"""A page that waits for longer looks broken; it says what is wrong and can be tried again."""
FRESH_S = 60
"""Keys and voices change seldom, and each run of a page asks for them."""
KEY_WANTED = ("no_key", "bad_key")


@st.cache_resource(max_entries=MOST_CLIENTS, show_spinner=False)
def client_for(key: str) -> Client:
    """A client with this key, for all sessions that have it: it may be used by several threads at once."""
    return Client(key=key or None, patience_s=PATIENCE_S)


def service() -> Client:
    """The service, as the visitor whose session this is."""
    return client_for(_key())


def me() -> Me:
    """Who the visitor is."""
    return _me(_key())


def voices() -> list[Voice]:
    """All voices."""
    return _voices(_key())


@st.cache_data(ttl=FRESH_S, max_entries=MOST_CLIENTS, show_spinner=False)
def _me(key: str) -> Me:
    return client_for(key).me()


@st.cache_data(ttl=FRESH_S, max_entries=MOST_CLIENTS, show_spinner=False)
def _voices(key: str) -> list[Voice]:
    return client_for(key).voices()


def _key() -> str:
    return str(st.context.cookies.get(COOKIE, ""))


@contextmanager
def told() -> Iterator[None]:
    """What the service refuses stands in the page as cause and remedy, in place of what this block was to show."""
    try:
        yield
    except SpinbotError as error:
        show(error)


def fragment(part: Callable[[], None] | Callable[[str], None]) -> Any:
    """A part of a page that runs again by itself: what the service refuses then is told there.

    Nothing else would: such a run does not pass through the script around it.
    """

    @wraps(part)
    def guarded(*given: str) -> None:
        with told():
            part(*given)

    return st.fragment(guarded)


def show(error: SpinbotError) -> None:
    """Cause, remedy and each fault, for people."""
    lines = [f"**{error.message}**", error.hint]
    lines += faults(error.details)
    st.error("\n\n".join(filter(None, lines)), icon=":material/error:")


def faults(details: Sequence[dict[str, Any]]) -> list[str]:
    """Each fault with its remedy, as lines of a list."""
    return ["- " + ". ".join(filter(None, (fault.get("message"), fault.get("hint")))) for fault in details]


def silent(error: SpinbotError) -> None:
    """The whole page, where the service does not answer."""
    st.title(t("silent.title"))
    show(error)
    st.write(t("silent.remedy"))
    st.button(t("silent.again"), type="primary", icon=":material/refresh:")

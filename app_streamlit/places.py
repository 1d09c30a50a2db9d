"""Which pages there are, and going from one to another."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import Page

from app_streamlit.words import CHOSEN

_PAGES = "places"


def register(pages: dict[str, Page]) -> None:
    """Keep the pages of this run by their names."""
    st.session_state[_PAGES] = pages


def go(name: str, **address: str) -> NoReturn:
    """Show that page, with this in its address."""
    kept = {CHOSEN: st.query_params[CHOSEN]} if CHOSEN in st.query_params else {}
    st.switch_page(st.session_state[_PAGES][name], query_params=kept | address)

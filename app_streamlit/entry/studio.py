"""The script that Streamlit runs for each visitor: who is it, in which language, and which page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app_streamlit import kept, places
from app_streamlit.access import KEY_WANTED, me, silent
from app_streamlit.pages import create, gallery, jobs, login, profiles, review, system, train
from app_streamlit.parts.mounts import warm
from app_streamlit.words import CHOSEN, LANGUAGES, browser_language, t
from spinbot.errors import SpinbotError

PAGES = (
    ("create", create, ":material/movie:"),
    ("train", train, ":material/school:"),
    ("jobs", jobs, ":material/list_alt:"),
    ("gallery", gallery, ":material/photo_library:"),
    ("review", review, ":material/rate_review:"),
    ("profiles", profiles, ":material/person:"),
    ("system", system, ":material/memory:"),
)
FIRST = "create"
HERE = Path(__file__).parent.parent
CSS = """
<style>
.stMainBlockContainer { padding-top: 3.2rem; max-width: 76rem; }
/* Streamlit's own colours for these have a contrast below 4.5 to 1. */
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] * { color: inherit; opacity: 1; }
[data-testid="stCaptionContainer"] { filter: opacity(0.85); font-size: 0.875rem; }
[class*="stBaseButton-primary"], [data-testid^="stBaseButton-primary"] { color: light-dark(#fff, #1b0f24); }
.stDeployButton, #MainMenu [data-testid="stMainMenuDivider"] { display: none; }
@media (max-width: 40rem) { .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; } }
</style>
"""


def main() -> None:
    """One run of the script."""
    st.set_page_config(page_title="spinbot", page_icon=str(HERE / "icon.svg"), layout="wide")
    st.html(CSS)
    st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "icon.svg"), size="large")
    pages = {
        name: st.Page(
            module.page,
            title=t(f"nav.{name}"),
            icon=icon,
            url_path="" if name == FIRST else name,
            default=name == FIRST,
            visibility="hidden" if name == "review" else "visible",
        )
        for name, module, icon in PAGES
    }
    places.register(pages)
    try:
        visitor = me()
    except SpinbotError as error:
        st.navigation(list(pages.values()), position="hidden")
        _language()
        if error.code in KEY_WANTED:
            login.page(refused=error.code == "bad_key")
        else:
            silent(error)
        return
    chosen = st.navigation(list(pages.values()))
    with st.sidebar:
        _language()
        warm()
        if visitor.keys_required:
            login.leave(visitor.name)
    try:
        chosen.run()
    except SpinbotError as error:  # a page that cannot be shown at all; what is refused within it is told there
        silent(error)


def _language() -> None:
    own = browser_language()
    codes = sorted(LANGUAGES, key=lambda code: code != own)
    kept.select("Language · 语言", codes, CHOSEN, LANGUAGES.__getitem__, label_visibility="collapsed")


main()

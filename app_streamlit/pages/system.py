"""System: machines, models, processes and the queue. It looks again when it is asked to, and when a job changes."""

from __future__ import annotations

import streamlit as st

from app_streamlit.access import fragment, told
from app_streamlit.pages.actors import actors
from app_streamlit.pages.machines import machines
from app_streamlit.pages.models import models
from app_streamlit.pages.queue_history import queue
from app_streamlit.parts.mounts import refresh
from app_streamlit.words import language, t

SECTIONS = {"overview": machines, "models": models, "actors": actors, "queue": queue}
FIRST = "overview"
SECTION = "section"
"""Of the address: the section that is open, where it is not the first."""


@fragment
def page() -> None:
    """The section that the address names; the others are not asked for."""
    refresh("job.", key="system-news")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(t("system.title"), width="stretch")
        st.button(t("system.refresh"), icon=":material/refresh:", key="system-refresh")
    wanted = st.query_params.get(SECTION, FIRST)
    labels = {name: t(f"system.sections.{name}") for name in SECTIONS}
    key = f"system-sections-{language()}"  # Streamlit knows a tab by its label only
    st.session_state.setdefault(key, labels.get(wanted, labels[FIRST]))
    tabs = st.tabs(list(labels.values()), key=key, on_change="rerun")  # so only the open one is drawn
    for name, tab in zip(labels, tabs, strict=True):
        if tab.open:
            if name != wanted:
                st.query_params[SECTION] = name
            with tab, told():
                SECTIONS[name]()

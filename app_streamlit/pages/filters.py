"""A list of jobs that is filtered, searched and longer than it is shown: both stand in the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st

from app_streamlit import kept
from app_streamlit.access import service
from app_streamlit.words import t
from spinbot.client import JobPage

MOST = "{}-most"
LARGEST = 200
"""Rows of one answer of the service."""


def filters(label: str, names: Iterable[str], show: Callable[[str], str]) -> tuple[str, str]:
    """Which filter was chosen, the first one shows all; and what is searched for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = kept.segments(label, list(names), "show", show, label_visibility="collapsed")
        text = st.text_input(
            t("jobs.search"),
            key="q",
            bind="query-params",
            placeholder=t("jobs.search"),
            label_visibility="collapsed",
            width=260,
        )
    return chosen, text


def listed(page: str, step: int, **wanted: Any) -> JobPage:
    """The newest jobs, `step` of them and more after each click on `more`. `wanted` is as of `Client.jobs_page`."""
    most: int = st.session_state.setdefault(MOST.format(page), step)
    found = service().jobs_page(**wanted, limit=min(most, LARGEST))
    while found.next and len(found.data) < most:
        behind = service().jobs_page(**wanted, limit=min(most - len(found.data), LARGEST), cursor=found.next)
        found = behind.model_copy(update={"data": [*found.data, *behind.data]})
    return found


def more(page: str, step: int, found: JobPage) -> None:
    """The button that shows more, where there is more. Stands in a fragment, which runs again."""
    if found.next and st.button(t("jobs.more", n=found.total - len(found.data)), key=f"{page}-more"):
        st.session_state[MOST.format(page)] += step
        st.rerun(scope="fragment")

"""Choices that stand in the page's address by their own names.

Streamlit's `bind="query-params"` writes what is shown of an option, so that a link would hold in one language only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st


def segments(label: str, options: Sequence[str], key: str, show: Callable[[str], str] = str, **given: Any) -> str:
    """One of a few, all of them seen; the first one where the address names none."""
    chosen = st.segmented_control(
        label, options, default=_given(options, key), required=True, key=_WIDGET + key, format_func=show, **given
    )
    return _keep(chosen or options[0], options, key)


def select(label: str, options: Sequence[str], key: str, show: Callable[[str], str] = str, **given: Any) -> str:
    """One of many; the first one where the address names none."""
    index = options.index(_given(options, key))
    chosen = st.selectbox(label, options, index=index, key=_WIDGET + key, format_func=show, **given)
    return _keep(chosen, options, key)


def chosen(key: str) -> str | None:
    """What was chosen under that key, before its widget is drawn in this run."""
    now = st.session_state.get(_WIDGET + key) or st.query_params.get(key)
    return None if now is None else str(now)


_WIDGET = "kept-"


def _given(options: Sequence[str], key: str) -> str:
    named = st.query_params.get(key)
    return options[0] if named is None or named not in options else named


def _keep(chosen: str, options: Sequence[str], key: str) -> str:
    if chosen != options[0]:
        st.query_params[key] = chosen
    elif key in st.query_params:
        del st.query_params[key]
    return chosen

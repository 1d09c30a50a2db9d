"""A single upload that the page's address names."""

from __future__ import annotations

import streamlit as st

from app_streamlit.parts.mounts import uploader

NAME = "{}_name"


def one_file(place: str, label: str, hint: str, accept: str, kind: str) -> str | None:
    """A place for one file; the artifact under `place` in the address, if there is one."""
    artifact, name = st.query_params.get(place), st.query_params.get(NAME.format(place), "")
    items = [{"artifact": artifact, "name": name, "kind": kind}] if artifact else []
    added, removed = uploader(label, hint, accept, items, multiple=False, key=f"{place}-upload")
    if added:
        for note in added[-1]["notes"]:
            st.toast(note)
        st.query_params[place], st.query_params[NAME.format(place)] = added[-1]["artifact"], added[-1]["name"]
        st.rerun()
    if removed:
        forget(place)
        st.rerun()
    return artifact


def forget(place: str) -> None:
    """Take it out of the address."""
    for name in (place, NAME.format(place)):
        if name in st.query_params:
            del st.query_params[name]

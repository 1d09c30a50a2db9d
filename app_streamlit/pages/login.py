"""Who is there: asks for an API key where the service wants one."""

from __future__ import annotations

import streamlit as st

from app_streamlit.parts.mounts import sign_in, sign_out
from app_streamlit.words import t


def page(*, refused: bool) -> None:
    """The page before all others."""
    st.title(t("login.title"))
    if refused:
        st.error(t("login.refused"), icon=":material/key_off:")
    st.write(t("login.why"))
    sign_in()
    st.caption(t("login.how"))
    st.code("spinbot keys create NAME", language="sh")


def leave(name: str) -> None:
    """Whose key it is, and the way out."""
    sign_out(name)

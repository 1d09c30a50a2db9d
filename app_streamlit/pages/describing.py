"""Whether a captioner describes the pictures that have no caption: asked only where the service has one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app_streamlit.access import client_for
from app_streamlit.pages.dataset import Given
from app_streamlit.pages.learning import LOOK, Kind
from app_streamlit.routes.visitor import COOKIE
from app_streamlit.words import t

DESCRIBE = "describe"
"""Of the address: whether it does."""
SLOT = "captioner"
FRESH_S = 60


def asked(kind: Kind, files: Sequence[Given]) -> bool:
    """The switch; off where nothing is to be described."""
    silent = kind == LOOK and not all(getattr(one, kind.text).strip() for one in files)
    if not silent or not _captioner(st.context.cookies.get(COOKIE, "")):
        return False
    return st.toggle(t("train.describe"), key=DESCRIBE, bind="query-params", help=t("train.describe_help"))


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def _captioner(key: str) -> bool:
    slot = client_for(key).capabilities().slots.get(SLOT)
    return slot is not None and any(one["name"] == slot["default"] and not one["missing"] for one in slot["engines"])

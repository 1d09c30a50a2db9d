"""What the sections of System have in common: how full something is, and what did not answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app_streamlit.words import size, t

PARTS = ("machines", "hosts", "manifest")
"""What of the service may be silent; whatever else is named is a process."""


def gauge(label: str, used: float | None, total: float, say: Callable[[float], str]) -> None:
    """How much of something is in use, as a bar under its numbers; without a bar where nobody tells."""
    if used is None or not total:
        st.markdown(f":small[**{label}** · {say(total)}]")
        return
    told = t("system.of", used=say(used), total=say(total))
    st.progress(min(1.0, max(0.0, used / total)), text=f"**{label}** · {told}")


def cards(found: Sequence[dict[str, Any]]) -> None:
    """The memory of each GPU."""
    for card in found:
        gauge(card["name"], card["memory_bytes"] - card["free_bytes"], card["memory_bytes"], size)


def silence(names: Sequence[str]) -> None:
    """Names what did not answer: what it would have said is missing from the page."""
    if names:
        listed = t("system.and").join(t(f"system.parts.{name}") if name in PARTS else name for name in names)
        st.warning(t("system.silent", names=listed), icon=":material/sensors_off:")

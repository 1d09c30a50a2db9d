"""What Streamlit has no element for: parts of pages with scripts of their own, each a function that mounts one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

WEB = Path(__file__).parent / "web"


def part(name: str, *shared: str) -> ComponentRenderer:
    """The part whose script and style are `web/<name>.js` and `.css`; the scripts `shared` stand before its own."""
    script = "\n".join((WEB / f"{file}.js").read_text("utf-8") for file in (*shared, name))
    styles = [WEB / "base.css", WEB / f"{name}.css"]
    css = "\n".join(file.read_text("utf-8") for file in styles if file.exists())
    return st.components.v2.component(f"spinbot.{name}", js=script, css=css)

"""The process: Streamlit's own server with the studio's routes beside it, so that a browser needs one address only.

`/studio/files` hands on artifacts, `/studio/uploads` takes files in, `/studio/live` pushes events, `/studio/session`
keeps the visitor's key in a cookie that no script can read.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.routing import BaseRoute, Route, WebSocketRoute

from app_streamlit.routes import cookie, files, live, uploads

SCRIPT = Path(__file__).parent / "entry" / "studio.py"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve(host: str, port: int) -> None:
    """Listen until the process is told to end."""
    st.App(SCRIPT, routes=routes()).run(config=settings(host, port))


def routes() -> list[BaseRoute]:
    """What is served besides Streamlit's own."""
    return [
        Route("/studio/session", cookie.sign_in, methods=["POST"]),
        Route("/studio/session", cookie.sign_out, methods=["DELETE"]),
        Route("/studio/files/{artifact}", files.file, methods=["GET", "HEAD"]),
        Route("/studio/uploads", uploads.take, methods=["POST"]),
        WebSocketRoute("/studio/live", live.follow),
    ]


def settings(host: str, port: int) -> dict[str, object]:
    """What of Streamlit's settings depends on where it listens."""
    # A page on the internet may have its own name lead to this machine; such a name is none of these.
    allowed = list(LOOPBACK) if host in LOOPBACK else []
    return {"server.address": host, "server.port": port, "server.allowedHosts": allowed}

"""The process: Streamlit's own server with the studio's routes beside it, so that a browser needs one address only.

`/studio/files` hands on artifacts, `/studio/uploads` takes files in, `/studio/live` pushes events, `/studio/session`
keeps the visitor's key in a cookie that no script can read.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute

from app_streamlit.routes import cookie, files, live, uploads
from app_streamlit.routes.names import LOOPBACK, OwnNames

SCRIPT = Path(__file__).parent / "entry" / "studio.py"


def serve(host: str, port: int) -> None:
    """Listen until the process is told to end."""
    own = [Middleware(OwnNames)] if host in LOOPBACK else []
    st.App(SCRIPT, routes=routes(), middleware=own).run(config={"server.address": host, "server.port": port})


def routes() -> list[BaseRoute]:
    """What is served besides Streamlit's own."""
    return [
        Route("/studio/session", cookie.sign_in, methods=["POST"]),
        Route("/studio/session", cookie.sign_out, methods=["DELETE"]),
        Route("/studio/files/{artifact}", files.file, methods=["GET", "HEAD"]),
        Route("/studio/uploads", uploads.take, methods=["POST"]),
        WebSocketRoute("/studio/live", live.follow),
    ]

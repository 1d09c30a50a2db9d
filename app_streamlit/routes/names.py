"""The names that a studio of this machine alone answers to.

A page of the internet may let its own name lead to 127.0.0.1, and the browser then takes the studio for a part of that
page (DNS rebinding); but it says which name it asked for.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class OwnNames:
    """ASGI middleware: refuses requests and sockets that were sent to another name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] in ("http", "websocket"):
            host = HTTPConnection(scope).headers.get("host", "")
            if urlsplit(f"//{host}").hostname not in LOOPBACK:
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008, "reason": "bad_host"})
                else:
                    refusal = f"this studio does not answer to the name {host[:100]!r}; use http://127.0.0.1"
                    await PlainTextResponse(refusal, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

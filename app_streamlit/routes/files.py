"""Artifacts to the browser, in parts where it asks for them: a video can be sought in, and starts at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app_streamlit.routes.visitor import client_of, refusal
from spinbot.client.content import Method
from spinbot.errors import SpinbotError

PASSED = ("content-type", "content-length", "content-range", "accept-ranges", "etag", "last-modified")
FIXED = {
    "Cache-Control": "private, max-age=31536000, immutable",  # an artifact is named by its content
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
}


async def file(request: Request) -> Response:
    """The artifact; with `?name=` as a download under that name."""
    client, artifact = client_of(request), request.path_params["artifact"]
    method: Method = "HEAD" if request.method == "HEAD" else "GET"
    async with AsyncExitStack() as opened:
        try:
            content = await opened.enter_async_context(
                client.content(artifact, range=request.headers.get("range"), method=method)
            )
        except SpinbotError as error:
            return refusal(error)
        sending = opened.pop_all()

    async def body() -> AsyncIterator[bytes]:
        async with sending:
            async for chunk in content.chunks():
                yield chunk

    headers = {name: content.headers[name] for name in PASSED if name in content.headers} | FIXED
    if name := request.query_params.get("name"):
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return StreamingResponse(body(), content.status, headers)

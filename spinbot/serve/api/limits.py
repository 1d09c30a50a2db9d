"""Limits on request bodies, before any route sees them: kind, size, time, depth.

A JSON body is read here and given to the route whole; a form streams through, counted and timed as it comes.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pydantic_core
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spinbot.config import ApiLimits
from spinbot.errors import InputError
from spinbot.serve.api import problems

MAX_DEPTH = 64
FORMS = frozenset({"/v1/uploads", "/v1/videos"})
"""Routes that take multipart forms."""
LEAST_RATE = 16_384
"""Bytes a second: who sends more slowly than this, after the first `body_s` seconds, only holds a place."""
LINGER_S = 2.0
"""A client that sends before it reads gets the refusal only if the connection stays open for a while."""
INLINE = 65_536  # bytes that are parsed on the event loop: 1 ms

_JSON = re.compile(r"application/([\w.+-]+\+)?json$")


class BodyLimits:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, limits: ApiLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS", "TRACE"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        declared = headers.get("content-length", "")
        if "transfer-encoding" not in headers and declared in ("", "0"):
            await self._app(scope, receive, send)
            return
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        form = kind == "multipart/form-data" and scope["path"] in FORMS
        body = _Body(receive, self._limits, form=form)
        try:
            if not form and not _JSON.match(kind):
                takes = "JSON or a multipart form" if scope["path"] in FORMS else "JSON"
                raise InputError(
                    f"a body of the type {kind or 'that is not named'} is not taken here",
                    hint=f"send {takes}, and say so in Content-Type",
                    code="unsupported_media_type",
                )
            if declared.isdigit():
                body.check(int(declared))
            if form:
                await self._app(scope, body.receive, send)
                return
            content = await body.read()
            await (asyncio.to_thread(check_json, content) if len(content) > INLINE else _now(content))
        except InputError as error:
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, _replay(content, receive), send)


class _Body:
    """A body as it arrives."""

    def __init__(self, receive: Receive, limits: ApiLimits, *, form: bool) -> None:
        self._receive = receive
        self._form = form
        self._most = int((limits.upload_mb if form else limits.json_mb) * 1_000_000)
        self._body_s = limits.body_s
        self._began = asyncio.get_running_loop().time()
        self._came = 0
        self._whole = False

    def check(self, size: int) -> None:
        if size > self._most:
            raise InputError(
                f"the body is larger than {self._most / 1e6:g} MB",
                hint="send less" if self._form else "upload files by POST /v1/uploads, and name them",
                code="upload_too_large" if self._form else "body_too_large",
            )

    async def receive(self) -> Message:
        """The next part. Raises `InputError` for a body that grows too large or comes too slowly."""
        if self._whole:  # what comes now is the end of the connection, and may take its time
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._began + self._body_s + self._came / LEAST_RATE):
                message = await self._receive()
        except TimeoutError as error:
            raise InputError(
                f"the body did not come: {self._came} bytes in {asyncio.get_running_loop().time() - self._began:.0f} s",
                hint=f"send at least {LEAST_RATE} bytes a second",
                code="body_too_slow",
            ) from error
        if message["type"] == "http.request":
            self._came += len(message.get("body", b""))
            self.check(self._came)
            self._whole = not message.get("more_body", False)
        return message

    async def read(self) -> bytes:
        parts: list[bytes] = []
        while not self._whole:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise InputError("the connection ended before the body did", code="bad_json")
            parts.append(message.get("body", b""))
        return b"".join(parts)


def check_json(content: bytes) -> None:
    """Raises `InputError` for what is no JSON text in UTF-8, or is nested deeper than `MAX_DEPTH`."""
    try:
        value = pydantic_core.from_json(content, allow_inf_nan=False)
    except ValueError as error:
        if "recursion limit" in str(error):
            raise _too_deep() from error
        raise InputError(
            f"the body is no JSON: {error}"[:300], hint="send one JSON value in UTF-8", code="bad_json"
        ) from error
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for outer in level for child in _containers(outer)]
        if not level:
            return
    raise _too_deep()


def _containers(value: Any) -> list[Any]:
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return [child for child in inner if type(child) is dict or type(child) is list]


def _too_deep() -> InputError:
    return InputError(
        f"the JSON is nested deeper than {MAX_DEPTH} levels", hint="a graph needs some 8", code="json_too_deep"
    )


async def _now(content: bytes) -> None:
    check_json(content)


def _replay(content: bytes, receive: Receive) -> Receive:
    waiting = [content]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


async def _refuse(error: InputError, scope: Scope, receive: Receive, send: Send) -> None:
    answer = problems.response(error, scope["path"])
    answer.headers["Connection"] = "close"
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    try:
        async with asyncio.timeout(LINGER_S):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})

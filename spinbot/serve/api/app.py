"""The application: routes, limits, errors, documents. Runs under any ASGI server, in any number of processes.

Nothing of a job lives in the process: a client may send each of its requests to another one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spinbot import __version__
from spinbot.config import Settings
from spinbot.errors import InputError, NotFoundError, SpinbotError
from spinbot.serve.api import (
    aliases,
    catalogue,
    cluster,
    direct,
    events,
    files,
    health,
    history,
    jobs,
    me,
    openapi,
    plan,
    problems,
    profiles,
    provenance,
    pull,
    sockets,
    stream,
    tickets,
    trace,
)
from spinbot.serve.api.access import DOCS, LOOPBACK, Gate
from spinbot.serve.api.limits import BodyLimits
from spinbot.serve.api.metrics import Clock
from spinbot.serve.api.openai import chat, images, speech, videos
from spinbot.serve.api.query import only_known
from spinbot.serve.api.service import Service
from spinbot.serve.backend import Backend

PARTS = (
    jobs,
    profiles,
    provenance,
    trace,
    events,
    stream,
    sockets,
    plan,
    files,
    direct,
    catalogue,
    pull,
    cluster,
    history,
    me,
    tickets,
    speech,
    images,
    chat,
    videos,
    aliases,
    health,
)


def keys_required(settings: Settings, host: str) -> bool:
    """Whether a service that listens on `host` wants keys."""
    return settings.require_keys == "on" or (settings.require_keys == "auto" and host not in LOOPBACK)


def build_api(backend: Backend, *, host: str = "127.0.0.1") -> FastAPI:
    """The application over a backend, which it starts and stops. `host` is the address that the server listens on."""
    required = keys_required(backend.settings, host)
    service = Service(backend, keys_required=required)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await backend.start(app)
        try:
            yield
        finally:
            await backend.stop()

    # its page of documents brings its scripts from here: FastAPI's own fetches them from elsewhere
    app = FastAPIOffline(
        title="spinbot", version=__version__, lifespan=lifespan, redoc_url=None, static_url=f"{DOCS}/static"
    )
    app.state.service = service
    for part in PARTS:
        app.include_router(part.router, dependencies=[Depends(only_known)])
    # The last one added is the first one asked.
    app.add_middleware(BodyLimits, limits=backend.settings.api)
    app.add_middleware(Gate, settings=backend.settings, keys=service.keys, tickets=service.tickets, required=required)
    app.add_middleware(Clock, metrics=service.metrics)
    backend.feed.listen(service.metrics.take)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    written: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not written:
            written.append(openapi.describe(app, keys=required))
        return written[0]

    app.openapi = document  # type: ignore[method-assign]
    return app


async def _spinbot_error(request: Request | WebSocket, error: Exception) -> Response:
    assert isinstance(error, SpinbotError)
    return await _answer(request, error)


async def _validation_error(request: Request | WebSocket, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _answer(request, problems.validation_error(error.errors(), "the request", skip=1))


async def _http_error(request: Request | WebSocket, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404:
        found: SpinbotError = NotFoundError(f"there is nothing at {path[:200]}", hint="see /docs", code="no_route")
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        method = request.scope["method"]
        found = InputError(
            f"{path[:200]} does not take {method}", hint=f"it takes {allowed}", code="method_not_allowed"
        )
    else:
        found = InputError(str(error.detail), code="bad_json" if error.status_code == 400 else "bad_request_fields")
    return await _answer(request, found, dict(error.headers or {}))


async def _defect(request: Request | WebSocket, error: Exception) -> Response:
    """What nobody has foreseen: the log has the traceback, the client has not."""
    return await _answer(
        request, SpinbotError("this is a defect of the service", hint="its log says more", code="internal")
    )


async def _answer(request: Request | WebSocket, error: SpinbotError, headers: dict[str, str] | None = None) -> Response:
    if isinstance(request, WebSocket):
        await request.close(1008, error.code)
    return problems.response(error, request.url.path, headers)


HANDLERS = {
    SpinbotError: _spinbot_error,
    RequestValidationError: _validation_error,
    HTTPException: _http_error,
    Exception: _defect,
}

"""Who asks, and how often: keys, tickets, origins, rates. Before any route and any body.

Where no keys are required everybody is `local` and may do everything; the service then listens on this machine only,
and a page in a browser here must not use it on a visitor's behalf: names of the host and origins are checked.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from spinbot.config import ApiLimits, Settings
from spinbot.errors import InputError, SpinbotError
from spinbot.serve.api import problems
from spinbot.store.keys import PREFIX, Identity, Keys
from spinbot.store.keys import Scope as KeyScope
from spinbot.store.tickets import Tickets

LOCAL = Identity("local", frozenset({"read", "write", "admin"}), "", "local")
DOCS = "/docs"
OPEN_PATHS = ("/health/", DOCS, "/openapi.json")
"""Asked without a key, by load balancers and readers of the documentation."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_CALLERS = 10_000
KEY_HINT = "make one with `spinbot keys create`, and send it as: Authorization: Bearer sb_..."

_HEAD = {"GET", "HEAD", "OPTIONS"}


class Gate:
    """ASGI middleware: lets a request in, with its `Identity` in `scope["state"]["identity"]`."""

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys, tickets: Tickets, *, required: bool) -> None:
        self._app = app
        self._keys = keys
        self._tickets = tickets
        self._required = required
        self._origins = frozenset(settings.allowed_origins)
        self._buckets = Buckets(settings.api)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(OPEN_PATHS):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        retry_after = 0.0
        try:
            self._check_origin(connection)
            identity = await self._identity(connection)
            client = connection.client.host if connection.client else ""
            retry_after = self._buckets.take(identity.key_id or client)
            if retry_after:
                raise InputError("too many requests", hint=f"wait {retry_after:.1f} s", code="rate_limited")
        except SpinbotError as error:
            headers = {"Retry-After": str(int(retry_after) + 1)} if retry_after else {}
            await _refuse(error, headers, scope, receive, send)
            return
        scope.setdefault("state", {})["identity"] = identity
        await self._app(scope, receive, send)

    def _check_origin(self, connection: HTTPConnection) -> None:
        host = connection.headers.get("host", "")
        if not self._required and urlsplit(f"//{host}").hostname not in LOOPBACK:
            raise InputError(
                f"this service does not answer to the name {host[:100]!r}",
                hint="use http://127.0.0.1, or require keys (SPINBOT_REQUIRE_KEYS=on)",
                code="bad_host",
            )
        origin = connection.headers.get("origin")
        if origin is None or (connection.scope["type"] == "http" and connection.scope["method"] in _HEAD):
            return
        if urlsplit(origin).netloc != host and origin not in self._origins:
            raise InputError(
                f"pages of {origin[:100]} may not use this service",
                hint="name it in SPINBOT_ALLOWED_ORIGINS",
                code="bad_origin",
            )

    async def _identity(self, connection: HTTPConnection) -> Identity:
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        secret = given.strip() if scheme.lower() == "bearer" else ""
        ticket = ""
        if connection.scope["type"] == "websocket" and not secret:
            ticket = parse_qs(connection.scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
        # Without required keys, clients that insist on sending some key may send any.
        if secret and (self._required or secret.startswith(PREFIX)):
            found = await asyncio.to_thread(self._keys.authenticate, secret)
        elif ticket:
            found = await asyncio.to_thread(self._tickets.redeem, ticket)
        elif self._required:
            raise InputError("a key is required", hint=KEY_HINT, code="no_key")
        else:
            return LOCAL
        if found is None:
            raise InputError(f"the {'ticket' if ticket else 'key'} is not valid", hint=KEY_HINT, code="bad_key")
        return found


class Buckets:
    """A token bucket for each caller, in this process."""

    def __init__(self, limits: ApiLimits, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst = limits.rate, float(limits.burst)
        self._now = now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take a token: 0, or the seconds until there is one."""
        now = self._now()
        level, since = self._levels.pop(caller, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._rate)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._levels[caller] = (level if wait else level - 1, now)
        if len(self._levels) > MOST_CALLERS:
            self._levels.popitem(last=False)
        return wait


async def _refuse(error: SpinbotError, headers: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
    answer = problems.response(error, scope["path"], headers)
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": error.code})
            return
        start: dict[str, Any] = {"status": answer.status_code, "headers": answer.raw_headers}
        await send({"type": "websocket.http.response.start"} | start)
        await send({"type": "websocket.http.response.body", "body": bytes(answer.body)})
        return
    await answer(scope, receive, send)


def _needs(scope: KeyScope) -> Callable[[HTTPConnection], Awaitable[Identity]]:
    async def check(connection: HTTPConnection) -> Identity:
        identity: Identity = connection.state.identity
        if not identity.may(scope):
            raise InputError(
                f"the key {identity.name!r} does not have the scope {scope}",
                hint=f"make one with: spinbot keys create NAME --scope {scope}",
                code="missing_scope",
            )
        return identity

    return check


Reader = Annotated[Identity, Depends(_needs("read"))]
Writer = Annotated[Identity, Depends(_needs("write"))]
Admin = Annotated[Identity, Depends(_needs("admin"))]

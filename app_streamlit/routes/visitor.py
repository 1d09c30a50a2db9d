"""Who asks: the key in the visitor's cookie, a client of the service with it, and whether the page is one of ours."""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from spinbot.client import AsyncClient
from spinbot.errors import InputError, SpinbotError

COOKIE = "spinbot_key"
MOST_CLIENTS = 100

_clients: OrderedDict[str, AsyncClient] = OrderedDict()


def client_of(connection: HTTPConnection) -> AsyncClient:
    """A client with the visitor's key: all requests of one key share its connections."""
    key = connection.cookies.get(COOKIE, "")
    client = _clients.pop(key, None) or AsyncClient(key=key or None, patience_s=5.0)
    _clients[key] = client
    if len(_clients) > MOST_CLIENTS:
        _clients.popitem(last=False)  # whoever still uses it keeps it
    return client


def check_origin(connection: HTTPConnection) -> None:
    """Raises `InputError` where a page of another site asks: the browser sends our cookie along all the same."""
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise InputError(f"pages of {origin[:100]} may not use this studio", code="bad_origin")


def refusal(error: SpinbotError) -> JSONResponse:
    """What the page's scripts read when something was refused."""
    status = {"no_key": 401, "bad_key": 401, "bad_origin": 403, "unreachable": 503}.get(error.code, 400)
    return JSONResponse(error.to_dict(), status)

"""The visitor's API key, kept in a cookie that scripts cannot read and other sites do not send."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app_streamlit.routes.visitor import COOKIE, check_origin, refusal
from spinbot.client import AsyncClient
from spinbot.errors import InputError, SpinbotError

LONGEST = 500
KEPT_S = 30 * 24 * 3600


async def sign_in(request: Request) -> Response:
    """Keep the key that the body holds, if the service takes it."""
    key = (await request.body()).decode("utf-8", "replace").strip()
    try:
        check_origin(request)
        if not key or len(key) > LONGEST or not key.isascii():
            raise InputError("that is no API key", hint="it begins with sb_", code="bad_key")
        client = AsyncClient(key=key, patience_s=5.0)
        try:
            await client.queue()
        finally:
            await client.close()
    except SpinbotError as error:
        return refusal(error)
    answer = Response(status_code=204)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, key, max_age=KEPT_S, httponly=True, samesite="strict", secure=secure)
    return answer


async def sign_out(request: Request) -> Response:
    """Forget the key."""
    try:
        check_origin(request)
    except SpinbotError as error:
        return refusal(error)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer

"""Files from the browser to the service, by way of the disk: a recording of an hour is never held in memory."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app_streamlit.routes.visitor import check_origin, client_of, refusal
from spinbot.errors import InputError, SpinbotError


async def take(request: Request) -> Response:
    """Upload the request's body under `?name=`; answers what the service says of it."""
    try:
        check_origin(request)
        name = Path(request.query_params.get("name", "")).name
        if not name:
            raise InputError("the file has no name", hint="give ?name=", code="bad_request_fields")
        with tempfile.NamedTemporaryFile(prefix="spinbot-upload-") as kept:
            async for chunk in request.stream():
                await asyncio.to_thread(kept.write, chunk)
            kept.flush()
            upload = await client_of(request).upload(Path(kept.name), name=name)
    except ClientDisconnect:  # the visitor left; nobody reads an answer
        return Response(status_code=204)
    except SpinbotError as error:
        return refusal(error)
    return JSONResponse(upload.model_dump(mode="json"), 201)

"""The routes of uploads and artifacts.

An artifact is shown to those whose uploads or jobs name it; for others it is not there.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field

from spinbot.errors import InputError, NotFoundError
from spinbot.serve.api import problems
from spinbot.serve.api.access import Reader, Writer
from spinbot.serve.api.content import inspect, media_type
from spinbot.serve.api.forms import Part, read_form
from spinbot.serve.api.jobs import matches
from spinbot.serve.api.service import Api, Service
from spinbot.store.keys import Identity
from spinbot.store.s3 import S3Artifacts
from spinbot.store.uploads import Upload

router = APIRouter(prefix="/v1", tags=["files"])

CHUNK = 262_144
SIGNED_S = 300
_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")
_FILE = {"schema": {"type": "string", "format": "binary"}}
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The file"}},
                }
            }
        },
    }
}


class UploadOut(BaseModel):
    """A file that was uploaded."""

    artifact: str = Field(description="Its id: sha256 of its bytes; what graphs and templates name")
    name: str = Field(description="What the client called it")
    kind: str = Field(description="image, audio or video, by its content")
    mime: str
    bytes: int
    created: float


class Uploaded(UploadOut):
    """A file that was just uploaded, and what was seen in it."""

    facts: dict[str, float] = Field(description="Width and height in pixels, length in seconds")
    notes: list[str] = Field(description="What will be changed about it before it is used")


class UploadPage(BaseModel):
    """Uploads, the newest first."""

    data: list[UploadOut]


@router.post(
    "/uploads",
    status_code=201,
    openapi_extra=FORM,
    responses={201: {"headers": {"Location": {"description": "Where the file is", "schema": {"type": "string"}}}}},
)
async def upload(request: Request, response: Response, api: Api, caller: Writer) -> Uploaded:
    """Upload a picture, a sound or a video as the field `file` of a form; its content decides what it is."""
    async with read_form(request, api.settings.artifacts_dir) as form:
        part = form.files.get("file")
        if part is None:
            raise InputError("the form has no file", hint="send it as the field `file`", code="bad_form")
        if unknown := sorted(form.fields.keys() | form.files.keys() - {"file"}):
            raise InputError(f"the form has the fields {', '.join(unknown)[:200]}", hint="send `file`", code="bad_form")
        stored = await asyncio.to_thread(keep, api, part, caller)
    response.headers["Location"] = f"/v1/artifacts/{stored.artifact}"
    return stored


def keep(api: Service, part: Part, caller: Identity) -> Uploaded:
    """Look at a file and make it an artifact of the caller. Raises `InputError`, `StorageError`."""
    if not part.size:
        raise InputError("the file is empty", hint="send it again", code="unsupported_file")
    found = inspect(part.path)
    artifact = api.artifacts.put_file(part.path)
    entry = Upload(artifact, caller.owner, part.name, found.kind, found.mime, part.size)
    api.uploads.add(entry)
    return Uploaded(**_shown(entry), facts=found.facts, notes=found.notes)


@router.get("/uploads")
async def list_uploads(
    api: Api, caller: Reader, limit: Annotated[int, Query(ge=1, le=500, description="How many at most")] = 100
) -> UploadPage:
    """The caller's uploads, the newest first."""
    recent = await asyncio.to_thread(api.uploads.recent, caller.owner, limit)
    return UploadPage(data=[UploadOut(**_shown(entry)) for entry in recent])


_HEADERS = {
    "ETag": {"description": "Names the content", "schema": {"type": "string"}},
    "Accept-Ranges": {"description": "bytes", "schema": {"type": "string"}},
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": _FILE}, "headers": _HEADERS, "description": "The whole file"},
    206: {"content": {"*/*": _FILE}, "headers": _HEADERS, "description": "The part that was asked for"},
    304: {"description": "It is as the caller knows it"},
    307: {"description": "Where the file is"},
    416: {"description": "The file has no such part"},
}


@router.head("/artifacts/{artifact}", response_class=Response, responses=_ANSWERS)
@router.get("/artifacts/{artifact}", response_class=Response, responses=_ANSWERS)
async def get_artifact(
    artifact: Annotated[str, PathParameter(max_length=200, description="sha256: and 64 hex digits")],
    request: Request,
    api: Api,
    caller: Reader,
    download: Annotated[str | None, Query(max_length=200, description="Offer it for saving under this name")] = None,
    direct: Annotated[
        bool, Query(description="Where files are kept in a bucket: answer 307 and a URL of it, good for five minutes")
    ] = False,
    if_none_match: Annotated[str | None, Header(description="The ETag that the caller has")] = None,
    range: Annotated[str | None, Header(description="bytes=FIRST-LAST, FIRST- or -LENGTH")] = None,  # noqa: A002
    if_range: Annotated[str | None, Header(description="Take `Range` only if this is the ETag")] = None,
) -> Response:
    """A file, whole or in part."""
    if direct and isinstance(api.artifacts, S3Artifacts):
        return RedirectResponse(await asyncio.to_thread(signed, api.artifacts, api, artifact, caller, download))
    path = await asyncio.to_thread(find, api, artifact, caller)
    tag = f'"{artifact}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=31536000, immutable",  # its name is its content
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    if download is not None:
        named = "".join(character for character in download if character.isprintable()) or "file"
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(named, safe='')}"
    return file_response(request, path, headers, range if if_range in (None, tag) else None)


def find(api: Service, artifact: str, caller: Identity) -> Path:
    """Where an artifact is that the caller may read. Raises `NotFoundError`."""
    _check_readable(api, artifact, caller)
    return api.artifacts.path(artifact)


def signed(bucket: S3Artifacts, api: Service, artifact: str, caller: Identity, download: str | None) -> str:
    """A URL of the bucket for an artifact that the caller may read. Raises `NotFoundError`."""
    _check_readable(api, artifact, caller)
    name = download or artifact
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return bucket.presigned_get(artifact, name, mime, SIGNED_S)


def _check_readable(api: Service, artifact: str, caller: Identity) -> None:
    if artifact not in api.readable([artifact], caller.owner):
        raise NotFoundError(
            f"there is no artifact {artifact[:100]!r}",
            hint="outputs of jobs and uploads name theirs",
            code="no_artifact",
        )


def file_response(request: Request, path: Path, headers: dict[str, str], wanted: str | None) -> Response:
    """The file at `path`, or the single range that `wanted` names (RFC 9110, 14); others are answered whole."""
    size = path.stat().st_size
    first, last, status = 0, size - 1, 200
    match = _RANGE.match(wanted.strip()) if wanted else None
    if match and any(match.groups()):
        start, end = match.groups()
        first = int(start) if start else max(0, size - int(end))
        last = min(int(end), size - 1) if start and end else size - 1
        if start and end and int(end) < int(start):  # not a range at all: to be ignored
            first, last = 0, size - 1
        elif first >= size or (not start and int(end) == 0):
            error = InputError(f"the file has {size} bytes", hint="ask for a part of them", code="bad_range")
            return problems.response(error, request.url.path, {"Content-Range": f"bytes */{size}"})
        else:
            status = 206
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    kind = media_type(path)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(_read(path, first, last + 1), status, headers, kind)


async def _read(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (chunk := await asyncio.to_thread(file.read, min(CHUNK, end - start))):
            start += len(chunk)
            yield chunk


def _shown(entry: Upload) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in UploadOut.model_fields}

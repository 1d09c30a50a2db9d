"""Uploads that go past the API, straight into the bucket: the API signs URLs, and looks at what has arrived."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from spinbot.errors import InputError
from spinbot.serve.api.access import Writer
from spinbot.serve.api.files import Uploaded, keep
from spinbot.serve.api.forms import Part
from spinbot.serve.api.schemas import Request
from spinbot.serve.api.service import Api, Service
from spinbot.store.bucket import PART_BYTES
from spinbot.store.keys import Identity
from spinbot.store.s3 import S3Artifacts

router = APIRouter(prefix="/v1", tags=["files"])

NO_BUCKET: dict[int | str, dict[str, Any]] = {501: {"description": "Files are kept in a folder here, not in a bucket"}}

SIGNED_S = 3600
"""How long the URLs are good for: 200 MB at half a megabit a second."""


class DirectRequest(Request):
    """A file that is about to be sent."""

    bytes: int = Field(ge=1, description="Its size")


class Direct(BaseModel):
    """Where to send a file."""

    upload: str = Field(description="Its id until it is accepted")
    urls: list[str] = Field(description="PUT the first `part_bytes` bytes to the first, the next to the second, ...")
    part_bytes: int
    parts: str | None = Field(description="To be given back when all is sent; none where there is one URL")
    expires: float = Field(description="When the URLs are no longer good, seconds since the epoch")


class Sent(Request):
    """All of it has been sent."""

    name: str = Field(default="", max_length=300, description="What the file is called, for people to read")
    parts: str | None = Field(default=None, max_length=1000, description="As it was given with the URLs")


@router.post("/uploads/direct", status_code=201, responses=NO_BUCKET)
async def begin(request: DirectRequest, api: Api, caller: Writer) -> Direct:
    """URLs to which a file can be PUT without passing through the API; then say so to /v1/uploads/direct/{upload}."""
    bucket, most = _bucket(api), _most(api)
    if request.bytes > most:
        raise InputError(
            f"the file has {request.bytes:,} bytes; the limit is {most:,}",
            hint="send a smaller one, or raise SPINBOT_API__UPLOAD_MB",
            code="upload_too_large",
        )
    expires = time.time() + SIGNED_S
    if request.bytes <= PART_BYTES:
        upload, url = await asyncio.to_thread(bucket.uploads.presigned_put, request.bytes, SIGNED_S)
        return Direct(upload=upload, urls=[url], part_bytes=request.bytes, parts=None, expires=expires)
    begun = await asyncio.to_thread(bucket.uploads.begin, request.bytes, SIGNED_S)
    return Direct(upload=begun.id, urls=begun.urls, part_bytes=begun.part_bytes, parts=begun.upload, expires=expires)


@router.post("/uploads/direct/{upload}", status_code=201, responses=NO_BUCKET)
async def accept(
    upload: Annotated[str, Path(max_length=100, description="The id that came with the URLs")],
    request: Sent,
    response: Response,
    api: Api,
    caller: Writer,
) -> Uploaded:
    """Make an upload of what was sent; its content decides what it is, as with any other."""
    stored = await asyncio.to_thread(_accept, api, upload, request, caller)
    response.headers["Location"] = f"/v1/artifacts/{stored.artifact}"
    return stored


def _accept(api: Service, upload: str, request: Sent, caller: Identity) -> Uploaded:
    bucket = _bucket(api)
    if request.parts is not None:
        bucket.uploads.finish(upload, request.parts)
    artifact = bucket.uploads.accept(upload, max_bytes=_most(api))
    path = bucket.path(artifact)
    return keep(api, Part(path, request.name, path.stat().st_size), caller)


def _most(api: Service) -> int:
    return int(api.settings.api.upload_mb * 1_000_000)


def _bucket(api: Service) -> S3Artifacts:
    if not isinstance(api.artifacts, S3Artifacts):
        raise InputError(
            "files are kept in a folder here, not in a bucket", hint="send it to POST /v1/uploads", code="no_bucket"
        )
    return api.artifacts

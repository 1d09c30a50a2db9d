"""What made a file: the Content Credentials in it, and the sidecar of a job."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from spinbot.graphs.export import sidecar
from spinbot.media.credentials import read
from spinbot.serve.api.access import Reader
from spinbot.serve.api.files import find
from spinbot.serve.api.jobs import JobId
from spinbot.serve.api.service import Api

router = APIRouter(prefix="/v1", tags=["files"])


class CredentialsOut(BaseModel):
    """What the Content Credentials (C2PA) of a file say, checked against its bytes."""

    has_manifest: bool
    valid: bool = Field(description="The signature holds and no byte has changed since")
    ai_generated: bool
    issuer: str
    title: str
    generator: str = Field(description="Name and version of the software")
    models: list[str]
    extra: dict[str, Any] | None = Field(description="What else was recorded, such as the consent")
    problems: list[str] = Field(description="Why it is not valid")
    remarks: list[str] = Field(description="What does not make it invalid")


@router.get("/artifacts/{artifact}/credentials")
async def get_credentials(
    artifact: Annotated[str, Path(max_length=200, description="sha256: and 64 hex digits")], api: Api, caller: Reader
) -> CredentialsOut:
    """The Content Credentials of an artifact."""
    path = await asyncio.to_thread(find, api, artifact, caller)
    return CredentialsOut(**asdict(await asyncio.to_thread(read, path)))


@router.get("/jobs/{job}/sidecar")
async def get_sidecar(job: JobId, api: Api, caller: Reader) -> dict[str, Any]:
    """Everything that made the outputs of a job: graph, engines with their weights' digests, times, scores, script."""
    return sidecar(await asyncio.to_thread(api.jobs.get, job, caller.owner))

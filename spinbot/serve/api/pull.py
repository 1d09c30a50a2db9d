"""Installing a model: a job like others, for admins."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Response

from spinbot.graphs.nodes.fetch import fetching
from spinbot.serve.api.access import Admin
from spinbot.serve.api.catalogue import ModelName, model_of
from spinbot.serve.api.jobs import LOCATION
from spinbot.serve.api.schemas import JobOut, JobRequest
from spinbot.serve.api.service import Api
from spinbot.serve.api.submit import submit

router = APIRouter(prefix="/v1", tags=["capabilities"])


@router.post("/models/{model}/pull", status_code=202, responses={202: {"headers": LOCATION}})
async def pull_model(
    model: ModelName,
    response: Response,
    api: Api,
    caller: Admin,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="The same key makes one job only")
    ] = None,
) -> JobOut:
    """Begin to install a model of the catalogue: its files are fetched and checked against their sha256.

    Follow the job for its progress; when it is cancelled, what came is kept and the next one goes on from there. One
    that is installed is a job that succeeds at once. On a cluster whose machines have model folders of their own, the
    model is there on the machine that ran the job alone.
    """
    await asyncio.to_thread(model_of, api, model)
    job = await submit(api, JobRequest(graph=fetching(model)), caller, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobOut.of(job)

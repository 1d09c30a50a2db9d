"""Where a job's time went."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from spinbot.graphs.trace import trace
from spinbot.serve.api.access import Reader
from spinbot.serve.api.jobs import JobId
from spinbot.serve.api.service import Api, Service

router = APIRouter(prefix="/v1", tags=["jobs"])


class LinkOut(BaseModel):
    """One node of the longest chain: seconds from the end of the one before it to its own end, in three parts."""

    node: str
    waited: float
    loaded: float
    computed: float


class TraceOut(BaseModel):
    """A job's time line."""

    document: dict[str, Any] = Field(description="For chrome://tracing and ui.perfetto.dev")
    seconds: float = Field(description="From the job's first event to its end")
    covered: float = Field(description="Share of it of which is known what was waited for or done, 0 to 1")
    chain: list[LinkOut] = Field(description="The nodes that its length comes from")


@router.get("/jobs/{job}/trace")
async def get_trace(job: JobId, api: Api, caller: Reader) -> TraceOut:
    """A job's time line, and the nodes that its length comes from."""
    await api.summary(job, caller)
    return await asyncio.to_thread(_trace, api, job)


def _trace(api: Service, job: str) -> TraceOut:
    found = trace(api.jobs.get(job), api.jobs.events(job))
    return TraceOut(
        document=found.document(),
        seconds=found.ended - found.begun,
        covered=found.covered(),
        chain=[LinkOut(**asdict(link)) for link in found.chain()],
    )

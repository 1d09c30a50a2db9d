"""The queue's past, for charts."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from spinbot.serve.api.access import Reader
from spinbot.serve.api.service import Api
from spinbot.store.history import History

router = APIRouter(prefix="/v1", tags=["jobs"])


class PointOut(BaseModel):
    """The queue at one moment."""

    time: float
    waiting: int = Field(description="Jobs that waited then")
    running: int = Field(description="Jobs that ran then")
    succeeded: int = Field(description="Jobs that succeeded in the span before")
    failed: int = Field(description="Jobs that failed in the span before")
    cancelled: int = Field(description="Jobs that were cancelled in the span before")


class QueueHistory(BaseModel):
    """The queue of the whole installation over the last hours."""

    span_s: float = Field(description="Seconds from one point to the next")
    points: list[PointOut] = Field(description="The oldest first; the last one is now")


@router.get("/queue/history")
async def get_queue_history(
    api: Api,
    _: Reader,
    hours: Annotated[float, Query(gt=0, le=8784, description="How far back")] = 24,
    points: Annotated[int, Query(ge=1, le=1000, description="At how many moments")] = 96,
) -> QueueHistory:
    """How many jobs of all owners waited, ran and ended, at equally spaced moments up to now.

    It is told from the times of the jobs that are still stored: one that was paused or tried again counts as it stands
    now, and jobs that were deleted have never been.
    """
    seconds = hours * 3600
    found = await asyncio.to_thread(History(api.jobs.engine).points, time.time(), seconds, points)
    return QueueHistory(span_s=seconds / points, points=[PointOut(**asdict(point)) for point in found])

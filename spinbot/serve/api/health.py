"""Whether the service works: for load balancers and for people."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel, Field

from spinbot.errors import SpinbotError
from spinbot.serve.api.access import Reader
from spinbot.serve.api.service import Api, Service

router = APIRouter(tags=["health"])

ANSWER_S = 2.0


class Live(BaseModel):
    """The process answers."""

    status: str = "ok"


class Ready(BaseModel):
    """Whether requests can be served."""

    ready: bool
    reasons: dict[str, str] = Field(description="What does not work, and why")


@router.get("/health/live")
async def live() -> Live:
    """Whether the process answers at all."""
    return Live()


@router.get("/health/ready", responses={503: {"model": Ready, "description": "It cannot serve requests now"}})
async def ready(api: Api, response: Response) -> Ready:
    """Whether the database answers, artifacts can be written and somebody runs the jobs."""
    checks = {"database": _database(api), "artifacts": _artifacts(api), "runner": api.backend.trouble()}
    answers = await asyncio.gather(*map(_in_time, checks.values()))
    reasons = {name: why for name, why in zip(checks, answers, strict=True) if why}
    response.status_code = 503 if reasons else 200
    return Ready(ready=not reasons, reasons=reasons)


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
async def metrics(api: Api, _: Reader) -> Response:
    """Numbers in Prometheus' text format."""
    await api.metrics.look(api)
    return Response(generate_latest(api.metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def _database(api: Service) -> str:
    await asyncio.to_thread(api.jobs.latest, [])
    return ""


async def _artifacts(api: Service) -> str:
    def write() -> None:
        root = api.settings.artifacts_dir
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".incoming-", dir=root):
            any(portrait in api.artifacts for portrait in api.stock)  # asks the bucket, where there is one

    await asyncio.to_thread(write)
    return ""


async def _in_time(check: Any) -> str:
    try:
        async with asyncio.timeout(ANSWER_S):
            return str(await check)
    except TimeoutError:
        return f"no answer within {ANSWER_S:g} s"
    except (SpinbotError, OSError) as error:
        return str(error)

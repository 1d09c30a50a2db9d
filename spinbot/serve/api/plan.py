"""What a job would cost, without running anything."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from spinbot.actors.host import weights_digest
from spinbot.graphs.graph import Graph
from spinbot.planner.plan import Plan as PromptPlan
from spinbot.planner.preview import Preview, preview
from spinbot.serve.api.access import Writer
from spinbot.serve.api.schemas import Work
from spinbot.serve.api.service import Api, Service
from spinbot.serve.api.submit import checked, document_of, planned, profile_of

router = APIRouter(prefix="/v1", tags=["jobs"])


class Plan(BaseModel):
    """A graph that may be submitted as it is, and what it will cost."""

    graph: dict[str, Any]
    plan: PromptPlan | None = Field(description="How a prompt was understood, and by whom what was chosen")
    preview: Preview = Field(
        description="Node by node: cached or to be run, predicted seconds; memory; what is missing"
    )


@router.post("/plan")
async def plan(request: Work, api: Api, caller: Writer) -> Plan:
    """Check a job and say what it would cost; nothing is stored or run."""
    work, understood = await planned(api, request, caller)
    hosts = await api.backend.hosts()
    resident = {engine for said in hosts.values() for engine in said.get("engines", ())}
    return await asyncio.to_thread(_plan, api, work, understood, caller.owner, resident)


def _plan(api: Service, work: Work, understood: PromptPlan | None, owner: str, resident: set[str]) -> Plan:
    graph = checked(api, document_of(work, profile_of(api, work, owner)), owner)
    return Plan(graph=graph.to_json(), plan=understood, preview=_preview(api, graph, resident))


def _preview(api: Service, graph: Graph, resident: set[str]) -> Preview:
    models = api.backend.models
    return preview(
        graph,
        settings=api.settings,
        jobs=api.jobs.engine,
        artifacts=api.artifacts,
        weights=cache(lambda slot, engine: weights_digest(models, slot, engine)),
        catalogue=models.catalogue,
        past=api.past(),
        resident=resident,
    )

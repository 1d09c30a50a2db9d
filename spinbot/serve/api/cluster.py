"""The machines behind the service, and where else to look at them."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from spinbot.actors.machine import Cluster, Machine
from spinbot.serve.api.access import Reader
from spinbot.serve.api.catalogue import in_time
from spinbot.serve.api.service import Api

router = APIRouter(prefix="/v1", tags=["capabilities"])


class Links(BaseModel):
    """Pages of other programs about this installation."""

    dashboard: str | None = Field(description="Ray's dashboard, where it runs; often only reachable on its head")
    grafana: str | None = Field(description="SPINBOT_GRAFANA_URL")


class ClusterOut(BaseModel):
    """The machines that jobs may run on."""

    machines: list[Machine]
    links: Links
    silent: list[str] = Field(description="What did not answer in time; what it would have said is missing here")


@router.get("/cluster")
async def get_cluster(api: Api, _: Reader) -> ClusterOut:
    """The machines and what is in use of them; without a cluster, this one. Answers within 2 s, whatever is down.

    Which model actors run where stands in `hosts` of /v1/capabilities.
    """
    found: Cluster | None = await in_time(api.backend.cluster())
    known = found or Cluster(machines=[])
    return ClusterOut(
        machines=known.machines,
        links=Links(dashboard=known.dashboard, grafana=api.settings.grafana_url or None),
        silent=[] if found else ["machines"],
    )

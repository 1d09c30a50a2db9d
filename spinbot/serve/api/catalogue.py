"""What this installation can do: capabilities, node types, templates, models."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from spinbot.config import HostGroup
from spinbot.engines.base import SLOTS
from spinbot.engines.registry import ENGINES, engine_class
from spinbot.errors import NotFoundError, SpinbotError
from spinbot.graphs.node import NODES, describe
from spinbot.graphs.templates import TEMPLATES
from spinbot.planner.manifest import PortraitEntry, SlotEntry, TemplateEntry, VoiceEntry, capabilities
from spinbot.serve.api.access import Reader
from spinbot.serve.api.service import Api, Service

router = APIRouter(prefix="/v1", tags=["capabilities"])

ModelName = Annotated[str, Path(max_length=200, description="A name of /v1/models")]

ANSWER_S = 1.7
"""The whole answer takes less than 2 s, whatever is down."""


class Capabilities(BaseModel):
    """What can be asked for, and what runs at the moment."""

    version: Literal[1] = 1
    templates: list[TemplateEntry]
    nodes: list[dict[str, Any]] = Field(description="Node types: ports, parameters as JSON Schema, slots, version")
    slots: dict[str, SlotEntry] = Field(description="Which engine fills each slot, and which others there are")
    voices: list[VoiceEntry]
    portraits: list[PortraitEntry] = Field(description="Portraits that every caller may use")
    groups: dict[str, HostGroup] = Field(description="Model actors by name, and the hardware that each gets")
    hosts: dict[str, dict[str, Any]] = Field(
        description="What each live host says of itself: group, machine, pid, cpus, memory, engines in memory, GPUs"
    )
    silent: list[str] = Field(description="What did not answer in time; what it would have said is missing here")


class NodeTypes(BaseModel):
    """All node types."""

    data: list[dict[str, Any]]


class Templates(BaseModel):
    """All templates."""

    data: list[TemplateEntry]


class Model(BaseModel):
    """A model, in OpenAI's shape with more in it."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="0: the catalogue does not say")
    owned_by: str
    slot: str
    engines: list[str] = Field(description="Engines that load it")
    title: str
    licence: str = Field(description="SPDX expression of the weights' licence")
    commercial: bool = Field(description="Whether the licence allows commercial use")
    bytes: int = Field(description="Size when installed")
    memory_bytes: int = Field(description="About how much memory it takes once loaded")
    installed: bool


class Models(BaseModel):
    """All models of the catalogue."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/capabilities")
async def get_capabilities(api: Api, _: Reader) -> Capabilities:
    """What can be asked for and what runs. Answers within 2 s; what did not answer is named."""
    return await whole(api)


@router.get("/node-types")
def get_node_types(_: Reader) -> NodeTypes:
    """What graphs may be made of."""
    return NodeTypes(data=[describe(NODES[name]) for name in sorted(NODES)])


@router.get("/templates")
def get_templates(_: Reader) -> Templates:
    """What can be asked for by name, each with its parameters as JSON Schema."""
    return Templates(data=_templates())


@router.get("/models")
async def get_models(api: Api, _: Reader) -> Models:
    """The models of the catalogue."""
    return Models(data=await asyncio.to_thread(models_of, api))


@router.get("/models/{model}")
async def get_model(model: ModelName, api: Api, _: Reader) -> Model:
    """A model of the catalogue."""
    return await asyncio.to_thread(model_of, api, model)


async def whole(api: Service) -> Capabilities:
    """The capabilities, with what answered in time."""
    hosts, manifest = await asyncio.gather(
        in_time(api.backend.hosts()), in_time(asyncio.to_thread(capabilities, api.settings, api.backend.models))
    )
    silent = [what for what, answer in (("hosts", hosts), ("manifest", manifest)) if answer is None]
    silent += [name for name, said in (hosts or {}).items() if "error" in said]
    return Capabilities(
        templates=_templates(),
        nodes=[describe(NODES[name]) for name in sorted(NODES)],
        slots=manifest.slots if manifest else {},
        voices=manifest.voices if manifest else [],
        portraits=manifest.portraits if manifest else [],
        groups=api.settings.hosts,
        hosts=hosts or {},
        silent=silent,
    )


def models_of(api: Service) -> list[Model]:
    """Every model of the catalogue, with whether it is here."""
    users: dict[str, list[str]] = {}
    for slot in SLOTS:
        for engine in ENGINES[slot]:
            for name in engine_class(slot, engine).requires:
                users.setdefault(name, []).append(engine)
    store = api.backend.models
    return [
        Model(
            id=entry.name,
            created=0,
            owned_by="spinbot",
            slot=entry.slot,
            engines=users.get(entry.name, []),
            title=entry.title,
            licence=entry.licence,
            commercial=entry.commercial,
            bytes=entry.bytes,
            memory_bytes=entry.memory_mb << 20,
            installed=store.installed(entry.name),
        )
        for entry in store.catalogue.models
    ]


def model_of(api: Service, model: str) -> Model:
    """The model of that name. Raises `NotFoundError`."""
    for entry in models_of(api):
        if entry.id == model:
            return entry
    raise NotFoundError(f"there is no model {model!r}", hint="list them: GET /v1/models", code="unknown_model")


def _templates() -> list[TemplateEntry]:
    return [
        TemplateEntry(
            name=name,
            description=(kind.__doc__ or "").strip().splitlines()[0],
            parameters=kind.model_json_schema(),
        )
        for name, kind in TEMPLATES.items()
    ]


async def in_time(answer: Any) -> Any:
    """The answer; None where it does not come within `ANSWER_S`, or is an error."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await answer
    except (TimeoutError, SpinbotError):
        return None

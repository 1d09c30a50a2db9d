"""`/v1/images/generations`: words become pictures. Each request is a job with a node for each picture."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from spinbot.graphs.graph import SCHEMA
from spinbot.graphs.template import shortened
from spinbot.graphs.templates import parse_size
from spinbot.serve.api.access import Writer
from spinbot.serve.api.openai.names import IMAGE_MODELS, engine_named
from spinbot.serve.api.schemas import Request as Body
from spinbot.serve.api.service import Api
from spinbot.serve.api.waiting import run

router = APIRouter(prefix="/v1/images", tags=["openai"])

MOST = 10
STOCK_SIZE = "1024x1024"


class ImageRequest(Body):
    """What the pictures show."""

    prompt: str = Field(min_length=1, max_length=1000, description="What the picture shows, in English")
    model: str = Field(
        default="gpt-image-1", max_length=200, description="An image engine such as drawn, or a model of OpenAI's"
    )
    n: int = Field(default=1, ge=1, le=MOST, description="How many pictures")
    size: str = Field(default="auto", max_length=20, description="Width x height, 64 to 2048 pixels each, or auto")
    response_format: Literal["b64_json", "url"] = "b64_json"
    output_format: Literal["png"] = "png"
    quality: Literal["auto", "low", "medium", "high", "standard", "hd"] = Field(
        default="auto", description="Plays no part: the engines have one quality"
    )
    user: str = Field(default="", max_length=200, description="Plays no part: the key says who asks")
    seed: int | None = Field(default=None, ge=0, description="Of the first picture, the others follow; none: by lot")


class ImageOut(BaseModel):
    """One picture: its bytes, or where they are."""

    b64_json: str | None = Field(default=None, description="The PNG in base64")
    url: str | None = Field(default=None, description="Where the PNG is; wants the same key")


class Images(BaseModel):
    """Pictures, in the order of their seeds."""

    created: int
    data: list[ImageOut]


@router.post("/generations", response_model_exclude_none=True)
async def generate_image(body: ImageRequest, request: Request, api: Api, caller: Writer) -> Images:
    """Draw, and answer when all pictures are there. They carry Content Credentials."""
    width, height = parse_size(STOCK_SIZE if body.size == "auto" else body.size)
    engine = engine_named("image", body.model, api.settings, also=IMAGE_MODELS)
    first = secrets.randbelow(2**31) if body.seed is None else body.seed
    job = await run(api, graph_of(body, engine, width, height, first), request, caller)
    assert job.outputs is not None
    artifacts = [job.outputs[f"image-{number}"]["artifact"] for number in range(1, body.n + 1)]
    if body.response_format == "url":
        found = [ImageOut(url=f"{request.base_url}v1/artifacts/{artifact}") for artifact in artifacts]
    else:
        read = [asyncio.to_thread(api.artifacts.path(artifact).read_bytes) for artifact in artifacts]
        found = [ImageOut(b64_json=base64.b64encode(data).decode()) for data in await asyncio.gather(*read)]
    return Images(created=int(time.time()), data=found)


def graph_of(body: ImageRequest, engine: str, width: int, height: int, seed: int) -> dict[str, Any]:
    """The graph that draws and signs each picture."""
    nodes: dict[str, Any] = {}
    for number in range(1, body.n + 1):
        params = {"prompt": body.prompt, "width": width, "height": height, "seed": seed + number - 1}
        nodes[f"draw-{number}"] = {"type": "draw_image", "params": params, "engine": {"image": engine}}
        drawn = {"image": {"node": f"draw-{number}", "output": "image"}}
        nodes[f"sign-{number}"] = {"type": "sign_image", "params": {"title": body.prompt[:200]}, "inputs": drawn}
    outputs = {f"image-{number}": {"node": f"sign-{number}", "output": "image"} for number in range(1, body.n + 1)}
    title = shortened(body.prompt)
    return {"schema": SCHEMA, "name": "images", "title": title, "nodes": nodes, "outputs": outputs}

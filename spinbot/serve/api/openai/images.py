"""`/v1/images/generations`: no image engine is part of spinbot yet."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from spinbot.errors import NotFoundError
from spinbot.serve.api.access import Writer
from spinbot.serve.api.problems import OpenAiFailure

router = APIRouter(prefix="/v1/images", tags=["openai"])


class ImageRequest(BaseModel):
    """What to paint."""

    model_config = ConfigDict(extra="allow")
    prompt: str = Field(min_length=1, max_length=4000, description="What the picture shows")


@router.post("/generations", status_code=501, responses={501: {"model": OpenAiFailure}})
async def generate_image(_: ImageRequest, caller: Writer) -> None:
    """Always answers 501 with the code `no_engine`."""
    raise NotFoundError("there is no image engine", hint="upload a portrait instead", code="no_engine")

"""Who asks."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from spinbot.serve.api.access import Reader
from spinbot.serve.api.service import Api
from spinbot.store.keys import SCOPES, Scope

router = APIRouter(prefix="/v1", tags=["keys"])


class Me(BaseModel):
    """The caller, as the service knows it."""

    name: str = Field(description="Of the key; `local` where none is required and none was sent")
    scopes: list[Scope] = Field(description="What it may do; admin includes the others, which are named too")
    keys_required: bool = Field(description="Whether requests without a key are refused")


@router.get("/me")
async def get_me(api: Api, caller: Reader) -> Me:
    """Who the service takes the caller for, and what the caller may do."""
    scopes = [scope for scope in SCOPES if caller.may(scope)]
    return Me(name=caller.name, scopes=scopes, keys_required=api.keys_required)

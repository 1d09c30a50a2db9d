"""Tickets for browsers: a socket there cannot send a key."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from spinbot.serve.api.access import Reader
from spinbot.serve.api.service import Api

router = APIRouter(prefix="/v1", tags=["events"])


class Ticket(BaseModel):
    """Opens one WebSocket, as `?ticket=`."""

    ticket: str
    expires: float = Field(description="Seconds since the epoch; it must be used before")


@router.post("/tickets", status_code=201)
async def create_ticket(api: Api, caller: Reader) -> Ticket:
    """A ticket that opens one WebSocket in the caller's name, within 30 seconds."""
    secret, expires = await asyncio.to_thread(api.tickets.issue, caller)
    return Ticket(ticket=secret, expires=expires)

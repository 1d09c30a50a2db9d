"""How to open a socket for events: where, and by a ticket from a browser, which cannot send a key there."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from spinbot.serve.api.access import Reader
from spinbot.serve.api.service import Api

router = APIRouter(prefix="/v1", tags=["events"])


class Ticket(BaseModel):
    """Opens one WebSocket, as `?ticket=`."""

    ticket: str
    expires: float = Field(description="Seconds since the epoch; it must be used before")


class Address(BaseModel):
    """Where to follow events."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": "ws://127.0.0.1:41873/v1/events"}]})
    url: str | None = Field(description="A WebSocket of the process itself; null: there is none but this service's")


@router.get("/events")
async def events_address(api: Api, _: Reader) -> Address:
    """Where WebSockets of many followers are served faster: past the proxy that this service is behind.

    It takes the same keys, tickets and messages as `/v1/events` here. Ask again when it does not answer: it belongs to
    one replica, and goes with it.
    """
    return Address(url=api.backend.events_url)


@router.post("/tickets", status_code=201)
async def create_ticket(api: Api, caller: Reader) -> Ticket:
    """A ticket that opens one WebSocket in the caller's name, within 30 seconds."""
    secret, expires = await asyncio.to_thread(api.tickets.issue, caller)
    return Ticket(ticket=secret, expires=expires)
